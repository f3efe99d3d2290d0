// An identity provider for a test, over real HTTP: discovery, authorization (it asks nobody), token, keys. Small enough to
// read; a whole provider would be a dependency of many megabytes for four answers.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Issuer {
  url: string;
  /** Who signs in next. */
  claims: { sub: string; email: string; email_verified: boolean };
  /** Asked for at the last authorization. */
  asked: URLSearchParams;
  close(): Promise<void>;
}

const json64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startIssuer(clientId: string, clientSecret: string): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const codes = new Map<string, { challenge: string; nonce: string; redirect: string; claims: Issuer['claims'] }>();
  const server = createServer((request, response) => {
    const at = new URL(request.url!, issuer.url);
    const answer = (body: object, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)); // prettier-ignore
    if (at.pathname === '/.well-known/openid-configuration') {
      const of = (path: string) => `${issuer.url}${path}`;
      return answer({ issuer: issuer.url, authorization_endpoint: of('/authorize'), token_endpoint: of('/token'), jwks_uri: of('/jwks'), response_types_supported: ['code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'], code_challenge_methods_supported: ['S256'] }); // prettier-ignore
    }
    if (at.pathname === '/jwks') return answer({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] }); // prettier-ignore
    if (at.pathname === '/authorize') {
      const q = at.searchParams;
      issuer.asked = q;
      const code = randomUUID();
      codes.set(code, { challenge: q.get('code_challenge')!, nonce: q.get('nonce')!, redirect: q.get('redirect_uri')!, claims: issuer.claims }); // prettier-ignore
      const back = new URL(q.get('redirect_uri')!);
      back.search = new URLSearchParams({ code, state: q.get('state')! }).toString();
      return response.writeHead(302, { location: back.href }).end();
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const q = new URLSearchParams(body);
      const kept = codes.get(q.get('code') ?? '');
      codes.delete(q.get('code') ?? '');
      const basic = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64').toString();
      const client = basic === `${clientId}:${clientSecret}` || (q.get('client_id') === clientId && q.get('client_secret') === clientSecret); // prettier-ignore
      const pkce = createHash('sha256').update(q.get('code_verifier') ?? '').digest('base64url'); // prettier-ignore
      if (kept === undefined || !client || pkce !== kept.challenge || q.get('redirect_uri') !== kept.redirect) return answer({ error: 'invalid_grant' }, 400); // prettier-ignore
      const now = Math.floor(Date.now() / 1000);
      const unsigned = `${json64({ alg: 'RS256', kid: 'k' })}.${json64({ iss: issuer.url, aud: clientId, iat: now, exp: now + 300, nonce: kept.nonce, ...kept.claims })}`; // prettier-ignore
      const signature = sign('RSA-SHA256', Buffer.from(unsigned), privateKey).toString('base64url');
      return answer({ access_token: randomUUID(), token_type: 'Bearer', id_token: `${unsigned}.${signature}` });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    claims: { sub: 'x', email: 'nobody@example.test', email_verified: true },
    asked: new URLSearchParams(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}
