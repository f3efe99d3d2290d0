// One stack per DATA_DIR: a lock file that names its process, and is worth nothing once that process is gone.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { StartProblem } from '../sandbox/problem.ts';

const lockSchema = z.object({ pid: z.number().int().positive(), born: z.string(), url: z.string() });

export interface StackLock {
  release(): void;
}

export function lockDataDir(dataDir: string, url: string): StackLock {
  const file = path.join(dataDir, 'lock');
  const content = JSON.stringify({ pid: process.pid, born: bornAt(process.pid), url });
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, content, { flag: 'wx', mode: 0o600 });
      return { release: () => releaseOwn(file) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StartProblem(`DATA_DIR ${dataDir} cannot be written: ${(error as Error).message}`);
      }
    }
    const holder = readLock(file);
    if (holder !== undefined && isSameProcess(holder.pid, holder.born)) {
      throw new StartProblem(
        `a stack already runs on ${dataDir} (process ${holder.pid}, ${holder.url}): use it, stop it, or set DATA_DIR to another directory`,
      );
    }
    // Left by a stack that was killed.
    rmSync(file, { force: true });
  }
  throw new StartProblem(`DATA_DIR ${dataDir} is being taken by another start: try again`);
}

function readLock(file: string): z.infer<typeof lockSchema> | undefined {
  try {
    return lockSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function releaseOwn(file: string): void {
  if (readLock(file)?.pid === process.pid) rmSync(file, { force: true });
}

/** Process numbers are used again, after a reboot soon: the moment of birth tells two of them apart. */
function isSameProcess(pid: number, born: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = bornAt(pid);
  if (now === '' || born === '') return true;
  // `ps` counts back from now and may be a second off.
  return Math.abs(Date.parse(now) - Date.parse(born)) < 5000;
}

function bornAt(pid: number): string {
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC0' };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim();
  } catch {
    // No `ps`, as on Windows: the number alone decides.
    return '';
  }
}
