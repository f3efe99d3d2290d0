// Path traversal: a name, an id or an address that leads out of the place where it belongs. Files stand in the database under
// ids of ours, so that a name leads nowhere here; it must not lead anywhere on the machine of who downloads it either.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { safeName } from '../../api/file-types.ts';
import { rawGet, startVictim, type Victim } from './victim.ts';

let victim: Victim;
let escrow: string;
beforeAll(async () => {
  victim = await startVictim();
  escrow = await victim.propose();
}, 400_000);
afterAll(() => victim?.stop());

describe('a file’s name', () => {
  test.each([
    ['../../etc/passwd.txt', 'passwd.txt'],
    ['..\\..\\windows\\win.txt', 'win.txt'],
    ['/absolute/path.txt', 'path.txt'],
    ['C:\\boot.txt', 'boot.txt'],
    ['....//....//a.txt', 'a.txt'],
    ['..', 'file'],
    ['...', 'file'],
    ['', 'file'],
    ['.htaccess', 'htaccess'],
    ['a.txt/..', 'file'],
    ['a\u0000.txt', 'a.txt'],
    ['\u202etxt.exe', 'txt.exe'],
    ['..%2f..%2fetc%2fpasswd.txt', '%2f..%2fetc%2fpasswd.txt'],
    ['Grüße 2027.pdf', 'Grüße 2027.pdf'],
  ])('%j is kept as %j', (given, kept) => expect(safeName(given)).toBe(kept));

  test('is never longer than a database or a header takes', () => {
    expect(safeName(`${'ä'.repeat(5_000)}.pdf`)).toBe(`${'ä'.repeat(100)}.pdf`);
    expect(safeName(`x.${'y'.repeat(5_000)}`).length).toBeLessThan(120);
  });

  test.each(['../../secret/a.txt', '..\\..\\a.txt', '/tmp/a.txt', '%2e%2e%2fa.txt'])('%j is uploaded and downloaded without a folder', async (name) => {
    const form = new FormData();
    form.set('escrow_id', escrow);
    form.set('file', new File(['text\n'], name, { type: 'text/plain' }));
    const headers = { authorization: `Bearer ${victim.people.buyer.apiKey}`, 'idempotency-key': randomUUID() };
    const stored = await fetch(`${victim.url}/v1/files`, { method: 'POST', body: form, headers });
    expect(stored.status).toBe(201);
    const { id } = (await stored.json()) as { id: string };
    const { headers: sent } = await victim.get(`/v1/files/${id}/content`);
    const given = /filename\*=UTF-8''(.+)$/.exec(sent.get('content-disposition')!)![1]!;
    expect(decodeURIComponent(given)).toMatch(/^[^./\\][^/\\]*$/);
    expect(sent.get('content-disposition')).toMatch(/^attachment; filename="[^"/\\%]+";/);
  }); // prettier-ignore
});

/** As they are sent: no tool has tidied them up. */
const PATHS = [
  '../../../package.json',
  '..%2f..%2f..%2fpackage.json',
  '%2e%2e/%2e%2e/%2e%2e/package.json',
  '%2e%2e%2f%2e%2e%2f%2e%2e%2fpackage.json',
  '..%252f..%252f..%252fpackage.json',
  '..%5c..%5c..%5cpackage.json',
  '..\\..\\..\\package.json',
  '....//....//....//package.json',
  '..%c0%af..%c0%af..%c0%afpackage.json',
  '/work/../../../../../../etc/passwd',
  'file:///etc/passwd',
  'fil_%00',
  '%00',
  `fil_${'0'.repeat(32)}/../../../package.json`,
];

describe.each(PATHS)('%s', (hostile) => {
  test.each(['/assets/', '/assets/0000/', '/files/', '/v1/files/', '/docs/', '/'])(
    'behind %s is nothing',
    async (before) => {
      const { cookie } = await victim.browserOf('buyer');
      const headers = { cookie, authorization: `Bearer ${victim.people.buyer.apiKey}`, accept: 'text/html' };
      const { status, text } = await rawGet(victim.url, `${before}${hostile}`, headers);
      expect([400, 404]).toContain(status);
      expect(text).not.toMatch(/"dependencies"|root:x:0/);
    },
  );
});

test('neither an id nor a hash of a command is a path', async () => {
  const { milestones } = (await victim.get(`/v1/escrows/${escrow}`)).body as { milestones: { id: string }[] };
  const submit = `/v1/escrows/${escrow}/milestones/${milestones[0]!.id}/submit`;
  const asked = victim.workflows.asked.length;
  for (const body of [{ file_ids: ['../../../etc/passwd'] }, { file_ids: ['fil_\u0000'] }, { deliverable_sha256: '../../../etc/passwd' }]) {
    const reply = await victim.post(submit, { as: 'seller', body });
    expect([reply.status, reply.body['param']]).toEqual([400, expect.stringContaining(Object.keys(body)[0]!)]);
  }
  expect(victim.workflows.asked).toHaveLength(asked);
}); // prettier-ignore
