// Session fixation: somebody who planted a cookie in another's browser, or saw one, has the session once it is worth something.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Person } from '../../db/people.ts';
import { stepAt, totpAt } from '../../db/totp.ts';
import { HttpClient, type Reply } from '../web/http-client.ts';
import { PASSWORD, somebody, startVictim, type Victim } from './victim.ts';

let victim: Victim;
beforeAll(async () => {
  victim = await startVictim();
}, 400_000);
afterAll(() => victim?.stop());

const TOKEN = /^tranche=[\w-]{43}$/;

async function signIn(client: HttpClient, { email }: Person): Promise<Reply> {
  return client.post('/sign-in', { email, password: PASSWORD });
}

async function opens(cookie: string): Promise<boolean> {
  const client = new HttpClient(victim.url);
  client.cookie = cookie;
  return (await client.get('/notifications')).status === 200;
}

/** Does it, and asks that the cookie of before is worth nothing and that of after is: another. */
async function renews(client: HttpClient, act: () => Promise<Reply>): Promise<Reply> {
  const before = client.cookie;
  const reply = await act();
  expect(client.cookie).toMatch(TOKEN);
  expect(client.cookie).not.toBe(before);
  expect([await opens(before), await opens(client.cookie)]).toEqual([false, true]);
  return reply;
}

describe('signing in', () => {
  test('takes no token that was planted', async () => {
    const person = await somebody(victim);
    for (const planted of ['tranche=planted', `tranche=${'A'.repeat(43)}`]) {
      const client = new HttpClient(victim.url);
      client.cookie = planted;
      await renews(client, () => signIn(client, person));
    }
  });

  test('ends the session of another that was planted, and makes a new one', async () => {
    const [attacker, person] = [await somebody(victim), await somebody(victim)];
    const { cookie } = await victim.browserOf(attacker);
    const client = new HttpClient(victim.url);
    client.cookie = cookie;
    await renews(client, () => signIn(client, person));
    expect((await client.get('/security')).text).toContain(person.name);
  });

  test('takes a token from the cookie alone', async () => {
    const person = await somebody(victim);
    const { cookie } = await victim.browserOf(person);
    const token = cookie.slice('tranche='.length);
    const nobody = new HttpClient(victim.url);
    for (const path of [`/notifications?tranche=${token}`, `/notifications;tranche=${token}`]) {
      expect((await nobody.get(path, { authorization: `Bearer ${token}` })).status).not.toBe(200);
    }
    expect((await nobody.post('/notifications/read', { tranche: token })).location).toBe('/sign-in');
  });

  test('hands out a cookie that no script reads and no other site sends along', async () => {
    const client = new HttpClient(victim.url);
    const reply = await signIn(client, await somebody(victim));
    const [cookie] = reply.headers.getSetCookie();
    expect(cookie).toMatch(/^tranche=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/);
  });
});

test('a session has another token after each thing that makes it worth more', async () => {
  const person = await somebody(victim);
  const client = await victim.browserOf(person);
  await client.give('/security/second-factor/begin');
  const secret = /<code class="id">([A-Z2-7 ]+)<\/code>/.exec((await client.get('/security/second-factor')).text)![1]!.replaceAll(' ', ''); // prettier-ignore
  const now = stepAt(Date.now());
  const on = await renews(client, () => client.give('/security/second-factor', { code: totpAt(secret, now) }));
  const codes = [...on.text.matchAll(/<code class="id">([0-9a-f-]+)<\/code>/g)].map((match) => match[1]!);

  // From the password's half session to the whole one.
  const other = new HttpClient(victim.url);
  expect((await signIn(other, person)).location).toBe('/sign-in/code');
  expect(await opens(other.cookie)).toBe(false);
  await renews(other, () => other.post('/sign-in/code', { code: codes[0]! }));

  await renews(client, () => client.give('/step-up', { code: codes[1]! }));
  await renews(client, () => client.give('/security/password', { password: 'yet another sentence' }));
  await renews(client, () => client.give('/security/second-factor/off'));
});

test('the password shown again makes a new token, a wrong one does not', async () => {
  const person = await somebody(victim);
  const client = await victim.browserOf(person);
  const before = client.cookie;
  expect((await client.give('/step-up', { password: 'wrong' })).status).toBe(422);
  expect(client.cookie).toBe(before);
  await renews(client, () => client.give('/step-up', { password: PASSWORD }));
});
