// Loaded into each part before its own code (`node --import`): when the supervisor is gone in whatever way, the system
// closes our stdin, and the part ends itself as if it had been asked to. Plain JavaScript, because worker threads load
// it again and do so without tsx.
import { isMainThread } from 'node:worker_threads';

const FORCE_AFTER_MS = 20_000;

if (isMainThread) {
  process.stdin.on('error', () => {});
  process.stdin.once('close', () => {
    // Handled by the part's own shutdown, or by the default, which ends the process.
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(1), FORCE_AFTER_MS).unref();
  });
  process.stdin.resume();
  // It must not keep a part alive that has done its work.
  process.stdin.unref?.();
}
