// The stylesheet and the scripts that pages use, from this installation alone: read once, compressed once, named by their
// content so that a browser keeps them for good.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { Router } from 'express';

interface Asset {
  type: string;
  body: Buffer;
  compressed: Buffer;
  path: string;
}

const require = createRequire(import.meta.url);

function asset(name: string, type: string, ...files: (string | URL)[]): Asset {
  const body = Buffer.concat(files.map((file) => readFileSync(file)));
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return { type, body, compressed: gzipSync(body, { level: 9 }), path: `/assets/${hash}/${name}` };
}

/** One stylesheet out of several files, in the order of their names. */
function styles(): URL[] {
  const folder = new URL('./style/', import.meta.url);
  return readdirSync(folder)
    .sort()
    .map((name) => new URL(name, folder));
}

const ASSETS = {
  stylesheet: asset('tranche.css', 'text/css', ...styles()),
  htmx: asset('htmx.js', 'text/javascript', require.resolve('htmx.org/dist/htmx.min.js')),
  sse: asset('htmx-sse.js', 'text/javascript', require.resolve('htmx-ext-sse/dist/sse.min.js')),
  payElement: asset('pay-element.js', 'text/javascript', new URL('./pay-element.js', import.meta.url)),
  reader: asset('reader.js', 'text/javascript', new URL('./reader-zone.js', import.meta.url)),
};

/** Addresses for pages. */
export const assetPaths = {
  stylesheet: ASSETS.stylesheet.path,
  htmx: ASSETS.htmx.path,
  sse: ASSETS.sse.path,
  reader: ASSETS.reader.path,
  payElement: ASSETS.payElement.path,
};

export function assetRoutes(): Router {
  const router = Router();
  for (const { path, type, body, compressed } of Object.values(ASSETS)) {
    router.get(path, (request, response) => {
      const packed = request.acceptsEncodings('gzip') === 'gzip';
      response.set({ 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'public, max-age=31536000, immutable', Vary: 'Accept-Encoding' }); // prettier-ignore
      if (packed) response.set('Content-Encoding', 'gzip');
      response.end(packed ? compressed : body);
    });
  }
  return router;
}
