// `npm run sandbox -- --port P [--data DIR] [--webhook URL --webhook-secret SECRET] [--webhook-also URL] [--webhook-thin URL]`:
// the sandbox alone. `--webhook-also`: a further address behind the first endpoint, as a load balancer has them.
import { parseArgs } from 'node:util';

import { startStripeSandbox } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string' },
    data: { type: 'string' },
    webhook: { type: 'string', multiple: true },
    'webhook-also': { type: 'string', multiple: true },
    'webhook-thin': { type: 'string', multiple: true },
    'webhook-secret': { type: 'string', multiple: true },
    seed: { type: 'string' },
    'async-capture': { type: 'boolean' },
  },
});
const { env } = process;
const list = (value: string | undefined): string[] => (value ? value.split(',').filter((item) => item !== '') : []);
const port = Number(values.port ?? env.STRIPE_SANDBOX_PORT ?? 12_111);
const dataDir = values.data ?? env.DATA_DIR;
const secrets = values['webhook-secret'] ?? list(env.WEBHOOK_SECRET);
const urls = [
  ...(values.webhook ?? list(env.WEBHOOK_URL)).map((url) => ({ url, thin: false })),
  ...(values['webhook-thin'] ?? list(env.WEBHOOK_THIN_URL)).map((url) => ({ url, thin: true })),
];

function fail(message: string): never {
  process.stderr.write(`sandbox: ${message}\n`);
  process.exit(2);
}

if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`--port must be a port, not ${values.port ?? ''}`);
// One secret serves every endpoint, or each has its own in the order of the endpoints.
const webhooks = urls.map(({ url, thin }, i) => {
  const secret = secrets[i] ?? secrets[0] ?? fail('each --webhook needs a --webhook-secret');
  return { url, secret, thin, also: i === 0 ? (values['webhook-also'] ?? []) : [] };
});

try {
  const sandbox = await startStripeSandbox({
    port,
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
    asyncCapture: values['async-capture'] ?? false,
    webhooks,
    logger: {
      info: (message) => process.stdout.write(`${message}\n`),
      error: (message) => process.stderr.write(`${message}\n`),
    },
  });
  const stop = (): void => {
    sandbox.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
} catch (error) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') fail(`port ${port} is in use; give another with --port`);
  throw error;
}
