// Preloaded by `--import` into every process of a test run: keeps each JSON answer that a Stripe sandbox of that process
// gives to a client with a secret test key, in $STRIPE_SANDBOX_RECORD. The sandbox does not know of it.
import { appendFileSync } from 'node:fs';
import { ServerResponse } from 'node:http';
import path from 'node:path';

const directory = process.env['STRIPE_SANDBOX_RECORD'];
if (directory) {
  const file = path.join(directory, `${process.pid}.jsonl`);
  const end = ServerResponse.prototype.end;
  ServerResponse.prototype.end = function tapped(chunk, ...rest) {
    const { req: request } = this;
    const key = request.headers.authorization ?? '';
    if (chunk && !this.hasHeader('x-oracle-proxy') && /^\/v[12]\//.test(request.url ?? '') && /sk_test_/.test(key)) {
      const url = new URL(request.url ?? '/', 'http://sandbox');
      const line = { method: request.method, path: url.pathname, status: this.statusCode, text: String(chunk) };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    }
    return end.call(this, chunk, ...rest);
  };
}
