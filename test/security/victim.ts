// What the attacks are tried on: API and pages on a database of their own, with a stand-in where the workflows would be; and a
// browser that is signed in, as the attacked person's is.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as open } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { createPerson, type NewPerson, type Person } from '../../db/people.ts';
import { createSession } from '../../db/sessions.ts';
import { mountPages } from '../../web/pages.ts';
import { type ApiUnderTest, type Name, startApi } from '../api/api-under-test.ts';
import { HttpClient } from '../web/http-client.ts';

export interface Victim extends ApiUnderTest {
  /** A browser in which this person, or another one by id, is signed in. */
  browserOf(who: Name | { id: string }): Promise<HttpClient>;
}

/** In the sandbox's mode; `env`: settings beside the usual ones; `logger`: a silent one without it. */
export async function startVictim(env: Record<string, string> = {}, logger?: Logger): Promise<Victim> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-security-'));
  const api = await startApi(
    { DATA_DIR: dataDir, TRANCHE_EMBEDDED: 'stripe', ...env },
    { mountPages, ...(logger && { logger }) },
  );
  const people = Object.entries(api.people).map(([name, { id, email }]) => [name, { id, email }]);
  writeFileSync(path.join(dataDir, 'people.json'), JSON.stringify(Object.fromEntries(people)));
  return {
    ...api,
    browserOf: async (who) => {
      const client = new HttpClient(api.url);
      const { token } = await createSession(api.sql, typeof who === 'string' ? api.people[who].id : who.id);
      client.cookie = `tranche=${token}`;
      return client;
    },
    stop: async () => {
      await api.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export const PASSWORD = 'a rather long sentence';
let made = 0;

/** Somebody with a password, of their own for one test. */
export async function somebody({ sql }: Pick<Victim, 'sql'>, more: Partial<NewPerson> = {}): Promise<Person> {
  made += 1;
  return (await createPerson(sql, { email: `person${made}@example.test`, name: `Person ${made}`, role: 'buyer', password: PASSWORD, ...more }))!; // prettier-ignore
}

/** One request whose path is sent as it is written: `fetch` and `URL` would tidy it up first. */
export function rawGet(url: string, rawPath: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = open({ hostname, port, path: rawPath, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)); // prettier-ignore
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    request.on('error', reject).end();
  });
} // prettier-ignore
