// On what machine the figures were measured.
import { cpus, loadavg, totalmem } from 'node:os';

/** One line, as docs/performance.md prints it; `load` is what the machine had to do already, before the run. */
export function machine(): { text: string; cores: number; load: number } {
  const all = cpus();
  const gb = Math.round(totalmem() / 1024 ** 3);
  const load = Number(loadavg()[0]!.toFixed(1));
  const text = `${all.length} × ${all[0]?.model.trim() ?? 'unknown'}, ${gb} GB, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
  return { text, cores: all.length, load };
}
