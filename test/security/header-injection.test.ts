// Header injection: a line break in what somebody wrote ends one header and begins another, in an answer, a mail or a webhook.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { fileAnswer } from '../../api/files.ts';
import { safeName } from '../../api/file-types.ts';
import { mailOf } from '../../messages/mail.tsx';
import { mailLinks } from '../../worker/mail-links.ts';
import { type MailerParts, sendDue } from '../../worker/mailer.ts';
import { smtpTransport } from '../../worker/smtp.ts';
import { send } from '../../webhooks/send.ts';
import { newSecret } from '../../db/webhooks.ts';
import { type MailServer, startMailServer } from '../messages/mail-server.ts';
import { rawGet, somebody, startVictim, type Victim } from './victim.ts';

let victim: Victim;
let server: MailServer;
let mailer: MailerParts;
beforeAll(async () => {
  victim = await startVictim();
  server = await startMailServer();
  const { sql } = victim;
  const transport = smtpTransport(server.url, 'Tranche <no-reply@pay.example>');
  mailer = { sql, transport, publicUrl: victim.url, sandbox: true, linkFor: mailLinks(sql, victim.url), logger: pino({ level: 'silent' }) }; // prettier-ignore
}, 400_000);
afterAll(async () => {
  mailer?.transport?.close();
  await server?.close();
  await victim?.stop();
});

const NAMES = [
  'a\r\nSet-Cookie: tranche=planted.txt',
  'a\nX-Injected: yes.txt',
  'a\rX-Injected: yes.txt',
  'a"; filename="b.html.txt',
  'a\u2028X-Injected: yes.txt',
  'a\u0085X-Injected: yes.txt',
  'a\\".txt',
];

describe.each(NAMES)('a file called %j', (name) => {
  test('is downloaded under one name in one header', async () => {
    const form = new FormData();
    form.set('escrow_id', await victim.propose());
    form.set('file', new File(['text\n'], name, { type: 'text/plain' }));
    const headers = { authorization: `Bearer ${victim.people.buyer.apiKey}`, 'idempotency-key': randomUUID() };
    const stored = await fetch(`${victim.url}/v1/files`, { method: 'POST', body: form, headers });
    const file = (await stored.json()) as { id: string; name: string };
    expect([stored.status, /[\p{Cc}"]/u.test(file.name)]).toEqual([201, false]);
    const { cookie } = await victim.browserOf('buyer');
    for (const path of [`/v1/files/${file.id}/content`, `/files/${file.id}`]) {
      const reply = await fetch(`${victim.url}${path}`, { headers: { authorization: headers.authorization, cookie } });
      expect(await reply.text()).toBe('text\n');
      expect([reply.headers.getSetCookie(), reply.headers.get('x-injected')]).toEqual([[], null]);
      expect(reply.headers.get('content-disposition')).toMatch(/^attachment; filename="[^"\\]+"; filename\*=UTF-8''[\w%.!~-]+$/); // prettier-ignore
    }
  });

  test('would be, also if it had come into the table as it is', () => {
    const stored = { name, media_type: 'text/plain', sha256: '0'.repeat(64) } as Parameters<typeof fileAnswer>[0];
    const { headers } = fileAnswer(stored, Buffer.from('text\n'));
    for (const value of Object.values(headers!)) expect(value).toMatch(/^[\x20-\x7e]*$/);
    expect(headers!['Content-Disposition']).toMatch(/^attachment; filename="[^"\\]+"; filename\*=UTF-8''[\w%.!~-]+$/);
  });

  test('is kept without what could end a line', () => expect(safeName(name)).not.toMatch(/[\p{Cc}"]/u));
});

describe('an address of a page', () => {
  test.each(['/escrows/%0d%0aSet-Cookie:%20x=1', '/ops%0d%0aLocation:%20https://evil.example', '/escrows?done=%0d%0aX-Injected:%20yes', '/sign-in?next=%2F%0d%0aX-Injected:%20yes', '/statements.csv?from=2026-01-01%0d%0aX-Injected:%20yes'])(
    '%s adds no header',
    async (path) => {
      for (const cookie of ['', (await victim.browserOf('buyer')).cookie]) {
        const reply = await fetch(`${victim.url}${path}`, { redirect: 'manual', headers: { cookie, accept: 'text/html' } });
        await reply.body?.cancel();
        expect(reply.status).toBeLessThan(500);
        expect([reply.headers.getSetCookie(), reply.headers.get('x-injected')]).toEqual([[], null]);
        expect([...reply.headers].filter(([, value]) => /[\r\n]/.test(value))).toEqual([]);
      }
    },
  ); // prettier-ignore

  test('a caller’s own request id is given back only where it is one', async () => {
    const ids = await Promise.all(
      ['trace-0001-of-mine', 'x; Set-Cookie=tranche', '<script>alert(1)</script>', 'x'.repeat(65)].map(async (id) =>
        (await victim.get('/v1/escrows', 'buyer', { 'request-id': id })).headers.get('request-id'),
      ),
    );
    expect(ids.map((id) => /^req_\w{32}$/.test(id!))).toEqual([false, true, true, true]);
    expect((await rawGet(victim.url, '/v1/escrows')).status).toBe(401);
  });
});

describe('a mail', () => {
  test('has one subject and one recipient, whatever somebody is called and writes', async () => {
    const name = 'Eve\r\nBcc: all@evil.example\r\nContent-Type: text/html\r\n\r\n<b>Hello</b>';
    const eve = await somebody(victim, { name });
    const browser = await victim.browserOf(eve);
    const note = 'Hi\r\nBcc: all@evil.example\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<all@evil.example>';
    expect((await browser.give('/invitations', { email: 'ina@example.test', as: 'seller', note })).status).toBe(303);
    while ((await sendDue(mailer)) > 0);
    const mails = server.received.filter(({ to }) => to.some((address) => /ina@|evil/.test(address)));
    expect(mails).toHaveLength(1);
    const [mail] = mails;
    expect(mail!.to).toEqual(['ina@example.test']);
    expect(Object.keys(mail!.headers).sort()).toEqual(['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to']); // prettier-ignore
    expect([mail!.headers['to'], mail!.headers['from']]).toEqual([
      'ina@example.test',
      'Tranche <no-reply@pay.example>',
    ]);
    expect(mail!.headers['content-type']).toMatch(/^multipart\/alternative/);
    expect(mail!.headers['subject']).toContain('Bcc: all@evil.example');
  });

  test('has its subject in one line before any mail library sees it', () => {
    const facts = { reader: { locale: 'en', timeZone: 'UTC' }, data: { by: 'Eve\r\nBcc: all@evil.example\u2028\u0085' }, escrowId: null }; // prettier-ignore
    const { subject } = mailOf('invitation', facts, { publicUrl: 'https://pay.example', name: null, optional: false });
    expect(subject).toBe('Eve Bcc: all@evil.example invites you to Tranche');
  });

  test.each([
    'a@b.test\r\nBcc: c@evil.example',
    'a@b.test,c@evil.example',
    'a@b.test, c@evil.example',
    'a@b.test;c@evil.example',
    '"A" <a@b.test>',
    'a@b.test>\r\nRCPT TO:<c@evil.example',
    'a@b.test c@evil.example',
  ])('%j is no recipient', async (email) => {
    const browser = await victim.browserOf('buyer');
    expect((await browser.give('/invitations', { email, as: 'seller' })).status).toBe(422);
    expect((await victim.post('/v1/sellers', { body: { email, country: 'US' } })).status).toBe(400);
    await browser.give('/reset/ask', { email });
    expect(await victim.sql`SELECT 1 FROM mails WHERE address LIKE '%evil%' OR address = 'a@b.test'`).toHaveLength(0);
    await victim.sql`DELETE FROM rate_limits`;
  });
});

describe('a webhook', () => {
  test('carries no header of its owner’s', async () => {
    for (const url of ['https://example.com/\r\nX-Injected: yes', 'https://example.com/\nX: y', 'https://example.com/a b']) {
      const reply = await victim.post('/v1/webhook_endpoints', { body: { url } });
      expect([reply.status, reply.body['param']]).toEqual([400, 'url']);
    }
  }); // prettier-ignore

  test('whose id were not one would not be sent at all', async () => {
    const sent = await send({ url: 'http://127.0.0.1:9/', id: 'evt_1\r\nX-Injected: yes', body: '{}', secrets: [newSecret()] }, { loopback: true }); // prettier-ignore
    expect(sent).toMatchObject({ status: null, error: 'ERR_INVALID_CHAR' });
  });
});
