// The demo as it runs: one line per escrow, redrawn in place on a terminal, else a line at each change.
import { table } from '../report.ts';
import type { Deal } from './deal.ts';
import type { Money } from '../../client/index.ts';

export interface Run {
  deal: Deal;
  state: 'running' | 'ok' | 'failed';
}

const MONEY = ['charged', 'held', 'released', 'refunded', 'fees'] as const;

/** 12345 usd → "123.45": as many digits as the currency has. */
export function shown(money: Money): string {
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency: money.currency }).resolvedOptions()
      .maximumFractionDigits ?? 2;
  return (money.amount / 10 ** digits).toFixed(digits);
}

export function moneyTable(runs: readonly Run[], mark: Readonly<Record<Run['state'], string>>): string {
  const rows = runs.map(({ deal, state }) => {
    const escrow = deal.seen;
    const money = escrow === undefined ? MONEY.map(() => '') : MONEY.map((name) => shown(escrow.money[name]));
    return [
      mark[state],
      escrow?.id ?? '',
      deal.kind,
      escrow?.status ?? '',
      (escrow?.money.charged.currency ?? '').toUpperCase(),
      ...money,
    ];
  });
  return table(['', 'id', 'kind', 'status', '', ...MONEY], rows);
}

const MARKS = { running: '·', ok: '✓', failed: '✗' } as const;

export function liveTable(runs: readonly Run[], out: NodeJS.WriteStream): { changed(run: Run): void; end(): void } {
  const redraws = out.isTTY === true;
  let drawn = 0;
  let pending: NodeJS.Timeout | undefined;
  const last = new Map<Run, string>();
  const draw = (): void => {
    pending = undefined;
    const text = moneyTable(runs, MARKS);
    const lines = text.split('\n').map((line) => line.slice(0, out.columns || 200));
    if (drawn > 0) out.write(`\x1b[${drawn}A`);
    out.write(lines.map((line) => `\x1b[2K${line}\n`).join(''));
    drawn = lines.length;
  };
  return {
    changed: (run) => {
      if (redraws) {
        pending ??= setTimeout(draw, 100);
        return;
      }
      const milestones = run.deal.seen?.milestones.map((m) => m.status).join(', ') ?? '';
      const line = `${MARKS[run.state]} ${run.deal.kind.padEnd(22)} ${(run.deal.seen?.status ?? '').padEnd(10)} ${milestones}`;
      if (last.get(run) === line) return;
      last.set(run, line);
      out.write(`${line.trimEnd()}\n`);
    },
    end: () => {
      clearTimeout(pending);
      if (redraws) draw();
    },
  };
}
