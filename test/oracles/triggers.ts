// Runs one `stripe trigger` of the Stripe CLI against an address, and says what came of it.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

import { isRecord } from './record.ts';
import type { Exchange } from './record.ts';

const require = createRequire(import.meta.url);

/** The CLI's own binary for this platform, which npm brought beside @stripe/cli. */
export function cliBinary(): string {
  const wrapper = path.dirname(require.resolve('@stripe/cli/package.json'));
  const platforms = require('@stripe/cli/platforms.json') as Record<string, { pkg: string; bin: string }>;
  const platform = platforms[`${process.platform}-${process.arch}`];
  if (!platform) throw new Error(`the Stripe CLI has no binary for ${process.platform}-${process.arch}`);
  const own = require.resolve(`${platform.pkg}/package.json`, { paths: [wrapper] });
  return path.join(path.dirname(own), 'bin', platform.bin);
}

export type TriggerRun = { name: string; exit: number; output: string };

export async function trigger(name: string, apiBase: string, home: string): Promise<TriggerRun> {
  const args = ['trigger', name, '--api-base', apiBase, '--api-key', 'sk_test_123456789012'];
  return new Promise((resolve) => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      XDG_CONFIG_HOME: home,
      STRIPE_CLI_TELEMETRY_OPTOUT: 'true',
    };
    execFile(cliBinary(), args, { env, timeout: 30_000 }, (error, stdout, stderr) => {
      const code = error?.code;
      resolve({ name, exit: error ? (typeof code === 'number' ? code : 1) : 0, output: `${stdout}${stderr}`.trim() });
    });
  });
}

/** The events that the CLI itself can trigger, from its help. */
export async function offeredTriggers(home: string): Promise<string[]> {
  const help = await new Promise<string>((resolve, reject) => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      XDG_CONFIG_HOME: home,
      STRIPE_CLI_TELEMETRY_OPTOUT: 'true',
    };
    execFile(cliBinary(), ['trigger', '--help'], { env, timeout: 30_000 }, (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout);
    });
  });
  const listed = /Supported events:\n([\s\S]*?)\n\n/.exec(help)?.[1] ?? '';
  return listed.split('\n').map((line) => line.trim());
}

/** What the trigger's own requests made: the objects that its POSTs answered, in order, each once. */
export function objectsMade(exchanges: readonly Exchange[]): string[] {
  const made = new Set<string>();
  for (const { method, status, body } of exchanges) {
    if (method !== 'POST' || status !== 200 || !isRecord(body)) continue;
    if (typeof body['object'] === 'string') made.add(body['object']);
  }
  return [...made];
}
