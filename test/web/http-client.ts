// A browser without anything: cookies and forms by hand, for tests of pages over plain HTTP.
import { randomUUID } from 'node:crypto';
import type { PersonName } from '../stack/world.ts';

export interface Reply {
  status: number;
  location: string | null;
  text: string;
  headers: Headers;
}

export class HttpClient {
  readonly url: string;
  cookie = '';

  constructor(url: string) {
    this.url = url;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send(path, { headers });
  }

  async post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send(path, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { origin: this.url, ...headers },
    });
  }

  /** A command's form as its page would send it. */
  async give(path: string, form: Record<string, string> = {}): Promise<Reply> {
    return this.post(path, { csrf: await this.csrf(), key: randomUUID(), ...form });
  }

  async csrf(): Promise<string> {
    return /name="csrf" value="([^"]+)"/.exec((await this.get('/escrows')).text)?.[1] ?? '';
  }

  private async send(path: string, init: RequestInit): Promise<Reply> {
    const headers = { accept: 'text/html', cookie: this.cookie, ...(init.headers as Record<string, string>) };
    const response = await fetch(`${this.url}${path}`, { ...init, headers, redirect: 'manual' });
    const set = response.headers
      .getSetCookie()
      .find((each) => each.startsWith('tranche=') || each.startsWith('__Host-tranche='));
    if (set !== undefined) this.cookie = set.split(';')[0]!;
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
      headers: response.headers,
    };
  }
}

/** With the sandbox's one click. */
export async function signInAs(url: string, name: PersonName): Promise<HttpClient> {
  const client = new HttpClient(url);
  const reply = await client.post('/sign-in/as', { person: name });
  if (reply.status !== 303) throw new Error(`${name} is not signed in: ${reply.status}`);
  return client;
}
