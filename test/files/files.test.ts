// Files through the API and the pages: who may give and see them, what a delivery's hash is, and what reaches Stripe.
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDispute } from '../chargebacks/acts.ts';
import { apiOf, type EscrowObject } from '../stack/api.ts';
import type { PersonName } from '../stack/world.ts';
import { HttpClient, signInAs } from '../web/http-client.ts';
import { type PagesWorld, startPagesWorld } from '../web/pages-world.ts';

let pages: PagesWorld;
beforeAll(async () => {
  pages = await startPagesWorld();
}, 400_000);
afterAll(() => pages?.stop());

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const TEXT = Buffer.from('What we agreed, done.\n');
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const apiAs = (name: PersonName) => apiOf(pages.world, pages.world.people[name]);

interface FileObject {
  id: string;
  name: string;
  sha256: string;
  purpose: string | null;
  code?: string;
  detail?: string;
}

interface Sent {
  status: number;
  body: FileObject;
}

async function upload(as: PersonName, escrowId: string, name: string, content: Buffer, more: Partial<{ key: string; type: string }> = {}): Promise<Sent> {
  const form = new FormData();
  form.set('escrow_id', escrowId);
  form.set('file', new File([new Uint8Array(content)], name, { type: more.type ?? 'application/octet-stream' }));
  const headers = { authorization: `Bearer ${pages.world.people[as].apiKey}`, 'idempotency-key': more.key ?? randomUUID() };
  const response = await fetch(`${pages.world.url}/v1/files`, { method: 'POST', body: form, headers });
  return { status: response.status, body: (await response.json()) as FileObject };
} // prettier-ignore

const download = (as: PersonName, id: string) =>
  fetch(`${pages.world.url}/v1/files/${id}/content`, { headers: { authorization: `Bearer ${pages.world.people[as].apiKey}` } }); // prettier-ignore

async function funded(): Promise<EscrowObject> {
  const { seller } = pages.world.people;
  const { id } = await apiAs('buyer').propose({ title: 'T', currency: 'usd', funding: 'upfront', milestones: [{ title: 'A', amount: 10_000, seller_id: seller.id }] }); // prettier-ignore
  await apiAs('seller').agree(id);
  return (await apiAs('buyer').fund(id)).escrow;
}

const on = (escrow: EscrowObject, action: string) => `/escrows/${escrow.id}/milestones/${escrow.milestones[0]!.id}/${action}`; // prettier-ignore

describe('an upload', () => {
  test('is its owner’s alone until a delivery names it; then both sides and staff download the same bytes', async () => {
    const escrow = await funded();
    const { status, body: file } = await upload('seller', escrow.id, '../../secret/report.txt', TEXT);
    expect([status, file.name, file.sha256, file.purpose]).toEqual([201, 'report.txt', sha256(TEXT), null]);
    for (const other of ['buyer', 'seller2', 'buyer2', 'ops'] as const) {
      expect((await download(other, file.id)).status).toBe(404);
    }
    const submit = `/v1/escrows/${escrow.id}/milestones/${escrow.milestones[0]!.id}/submit`;
    expect((await apiAs('seller').post(submit, { file_ids: [file.id], deliverable_sha256: '0'.repeat(64) })).status).toBe(400); // prettier-ignore
    const done = await apiAs('seller').post<EscrowObject>(submit, { file_ids: [file.id] });
    expect([done.status, done.body.milestones[0]!['deliverable_sha256']]).toEqual([200, sha256(TEXT)]);

    for (const party of ['buyer', 'seller', 'ops', 'auditor'] as const) {
      const reply = await download(party, file.id);
      expect([reply.status, Buffer.from(await reply.arrayBuffer()).equals(TEXT)]).toEqual([200, true]);
    }
    for (const stranger of ['seller2', 'buyer2'] as const) {
      expect((await download(stranger, file.id)).status).toBe(404);
      expect((await apiAs(stranger).get<{ data: unknown[] }>(`/v1/files?escrow_id=${escrow.id}`)).body.data).toEqual(
        [],
      );
    }
    const reply = await download('buyer', file.id);
    expect(reply.headers.get('content-disposition')).toMatch(/^attachment; filename="report\.txt"/);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect(reply.headers.get('content-security-policy')).toContain('sandbox');
    expect(reply.headers.get('repr-digest')).toBe(`sha-256=:${Buffer.from(sha256(TEXT), 'hex').toString('base64')}:`);
  });

  test('repeated with its key is one file; with another content it is a conflict', async () => {
    const escrow = await funded();
    const key = randomUUID();
    const [first, again, other] = [
      await upload('seller', escrow.id, 'a.txt', TEXT, { key }),
      await upload('seller', escrow.id, 'a.txt', TEXT, { key }),
      await upload('seller', escrow.id, 'a.txt', Buffer.from('other'), { key }),
    ];
    expect([first.status, again.body.id, other.status, other.body.code]).toEqual([201, first.body.id, 409, 'idempotency_conflict']); // prettier-ignore
  });

  test.each([
    ['a page that calls itself a picture', 'photo.png', Buffer.from('<script>alert(1)</script>'), 'image/png'],
    ['a page under its own name', 'index.html', Buffer.from('<html></html>'), 'text/plain'],
    ['a program', 'tool.zip', Buffer.from('MZ\u0000'), 'application/zip'],
    ['nothing', 'empty.txt', Buffer.alloc(0), 'text/plain'],
  ])('%s is refused, and nothing is kept', async (_what, name, content, type) => {
    const escrow = await funded();
    const reply = await upload('seller', escrow.id, name, content, { type });
    expect([reply.status, reply.body.code]).toEqual([400, 'file_invalid']);
    expect((await apiAs('seller').get<{ data: unknown[] }>(`/v1/files?escrow_id=${escrow.id}`)).body.data).toEqual([]);
  });

  test('that is too large, is no form, or is for somebody else’s escrow is refused', async () => {
    const escrow = await funded();
    const large = await upload('seller', escrow.id, 'large.txt', Buffer.alloc(10 * 1024 * 1024 + 1, 65));
    expect([large.status, large.body.code]).toEqual([400, 'file_invalid']);
    const huge = await upload('seller', escrow.id, 'huge.txt', Buffer.alloc(11 * 1024 * 1024, 65));
    expect([huge.status, huge.body.code]).toEqual([413, 'body_too_large']);
    expect((await upload('seller2', escrow.id, 'a.txt', TEXT)).status).toBe(404);
    expect((await upload('auditor', escrow.id, 'a.txt', TEXT)).status).toBe(403);
    const headers = { authorization: `Bearer ${pages.world.people.seller.apiKey}`, 'idempotency-key': randomUUID(), 'content-type': 'multipart/form-data; boundary=x' }; // prettier-ignore
    const broken = await fetch(`${pages.world.url}/v1/files`, { method: 'POST', body: 'no form', headers });
    expect([broken.status, ((await broken.json()) as FileObject).code]).toEqual([400, 'multipart_invalid']);
  });

  test('of another person, of another escrow or used before cannot be delivered', async () => {
    const [one, two] = [await funded(), await funded()];
    const theirs = await upload('buyer', one.id, 'a.txt', TEXT);
    const elsewhere = await upload('seller', two.id, 'a.txt', TEXT);
    for (const id of [theirs.body.id, elsewhere.body.id, `fil_${'0'.repeat(32)}`]) {
      const path = `/v1/escrows/${one.id}/milestones/${one.milestones[0]!.id}/submit`;
      const reply = await apiAs('seller').post<{ param: string }>(path, { file_ids: [id] });
      expect([reply.status, reply.body.param]).toEqual([400, 'file_ids']);
    }
  });

  test('is never changed once it is attached, whatever the code does', async () => {
    const escrow = await funded();
    const { body: file } = await upload('seller', escrow.id, 'a.txt', TEXT);
    await apiAs('seller').act(escrow.id, escrow.milestones[0]!.id, 'submit', { file_ids: [file.id] });
    const { sql } = pages.world;
    await expect(sql`UPDATE files SET sha256 = ${'0'.repeat(64)} WHERE id = ${file.id}`).rejects.toThrow('attached');
    await expect(sql`DELETE FROM files WHERE id = ${file.id}`).rejects.toThrow('attached');
    await expect(sql`UPDATE file_contents SET content = ${Buffer.from('x')} WHERE file_id = ${file.id}`).rejects.toThrow('permission denied'); // prettier-ignore
  });
});

describe('on pages', () => {
  async function give(client: HttpClient, path: string, fields: Record<string, string>, files: [string, Buffer][], key: string = randomUUID()) {
    const form = new FormData();
    for (const [name, value] of Object.entries({ csrf: await client.csrf(), key, ...fields })) form.set(name, value);
    for (const [name, content] of files) form.append('files', new File([new Uint8Array(content)], name));
    return fetch(`${pages.url}${path}`, { method: 'POST', body: form, redirect: 'manual', headers: { accept: 'text/html', cookie: client.cookie, origin: pages.url } });
  } // prettier-ignore

  test('a delivery with two files, clicked twice, is one; the buyer reads both', async () => {
    const escrow = await funded();
    const [seller, buyer, stranger] = await Promise.all(['seller', 'buyer', 'buyer2'].map((name) => signInAs(pages.url, name as PersonName))) as [HttpClient, HttpClient, HttpClient]; // prettier-ignore
    const key = randomUUID();
    const twice = await Promise.all([1, 2].map(() => give(seller, on(escrow, 'submit'), { note: 'Here' }, [['a.txt', TEXT], ['b.png', PNG]], key))); // prettier-ignore
    expect(twice.map((r) => [r.status, r.headers.get('location')])).toEqual(twice.map(() => [303, `/escrows/${escrow.id}?done=submit`])); // prettier-ignore
    const page = await buyer.get(`/escrows/${escrow.id}`);
    const links = [...page.text.matchAll(/href="(\/files\/fil_[0-9a-f]{32})" download="([^"]+)"/g)].map((m) => [m[1]!, m[2]!] as const); // prettier-ignore
    expect(links.map(([, name]) => name)).toEqual(['a.txt', 'b.png']);
    const hash = sha256(Buffer.from(`${sha256(TEXT)}  a.txt\n${sha256(PNG)}  b.png\n`));
    expect(page.text).toContain(hash);
    const reply = await buyer.get(links[0]![0]);
    expect([reply.status, reply.text, reply.headers.get('content-disposition')?.startsWith('attachment')]).toEqual([200, TEXT.toString(), true]); // prettier-ignore
    expect((await stranger.get(links[0]![0])).status).toBe(404);
    expect((await new HttpClient(pages.url).get(links[0]![0])).location).toContain('/sign-in');
    expect((await buyer.get('/files/..%2f..%2fetc%2fpasswd')).status).toBe(404);
  });

  test('a refused file is named, the good one is kept, and nothing is submitted', async () => {
    const escrow = await funded();
    const seller = await signInAs(pages.url, 'seller');
    const reply = await give(seller, on(escrow, 'submit'), { note: 'Here' }, [['a.txt', TEXT], ['b.png', Buffer.from('<html>')]]); // prettier-ignore
    const text = await reply.text();
    expect([reply.status, text.includes('not what its name says'), text.includes('Here')]).toEqual([422, true, true]);
    expect(text).toMatch(/name="file_ids" value="fil_[0-9a-f]{32}" checked/);
    expect((await apiAs('buyer').escrow(escrow.id)).milestones[0]!.status).toBe('funded');
  });

  test('files of another site, or of nobody, are not even read', async () => {
    const escrow = await funded();
    const seller = await signInAs(pages.url, 'seller');
    const form = new FormData();
    form.set('files', new File(['x'], 'x.txt'));
    const headers = { accept: 'text/html', cookie: seller.cookie, origin: 'https://evil.example' };
    const other = await fetch(`${pages.url}${on(escrow, 'submit')}`, { method: 'POST', body: form, headers, redirect: 'manual' }); // prettier-ignore
    expect(other.status).toBe(403);
    const nobody = await fetch(`${pages.url}${on(escrow, 'submit')}`, { method: 'POST', body: form, headers: { accept: 'text/html', origin: pages.url }, redirect: 'manual' }); // prettier-ignore
    expect([nobody.status, nobody.headers.get('location')]).toEqual([303, '/sign-in']);
    const [row] = await pages.world.sql<{ n: number }[]>`SELECT count(*)::int AS n FROM files WHERE escrow_id = ${escrow.id}`; // prettier-ignore
    expect(row!.n).toBe(0);
  });

  test('what both sides say in a dispute carries files', async () => {
    const escrow = await funded();
    const [seller, buyer] = (await Promise.all(['seller', 'buyer'].map((name) => signInAs(pages.url, name as PersonName)))) as [HttpClient, HttpClient]; // prettier-ignore
    await apiAs('seller').act(escrow.id, escrow.milestones[0]!.id, 'submit');
    expect((await give(buyer, on(escrow, 'dispute'), { reason: 'Broken', amount: '100.00' }, [['broken.png', PNG]])).status).toBe(303); // prettier-ignore
    expect((await give(seller, on(escrow, 'reply'), { message: 'It works' }, [['works.txt', TEXT]])).status).toBe(303);
    const page = await buyer.get(`/escrows/${escrow.id}`);
    expect(page.text).toContain('Files in the dispute');
    expect([...page.text.matchAll(/download="([^"]+)"/g)].map((m) => m[1])).toEqual(['broken.png', 'works.txt']);
    const files = (await apiAs('ops').get<{ data: { purpose: string; dispute_id: string }[] }>(`/v1/files?escrow_id=${escrow.id}`)).body.data; // prettier-ignore
    expect(files.map((f) => f.purpose)).toEqual(['dispute', 'dispute']);
    expect(new Set(files.map((f) => f.dispute_id)).size).toBe(1);
  });
});

test('evidence against a chargeback goes to Stripe with its files, each uploaded once, and a replaced one is taken out', async () => {
  const escrow = await funded();
  const dispute = await openDispute(pages.world, apiAs('buyer'), escrow);
  const path = `/v1/disputes/${dispute.id}`;
  const receipt = await upload('seller', escrow.id, 'receipt.png', PNG);
  const letter = await upload('seller', escrow.id, 'letter.pdf', Buffer.from('%PDF-1.7\nletter'));
  const words = await upload('seller', escrow.id, 'words.txt', TEXT);
  const stage = (files: object[]) => apiAs('seller').post<FileObject>(`${path}/evidence`, { text: 'It was delivered', files }); // prettier-ignore
  const unreadable = await stage([{ file_id: words.body.id, field: 'receipt' }]);
  expect([unreadable.status, unreadable.body.code]).toEqual([400, 'file_invalid']);
  const same = [letter, receipt].map((f) => ({ file_id: f.body.id, field: 'receipt' }));
  expect((await stage(same)).status).toBe(400);
  expect((await stage([{ file_id: receipt.body.id, field: 'receipt' }, { file_id: letter.body.id, field: 'customer_communication' }])).status).toBe(200); // prettier-ignore
  expect((await stage([{ file_id: letter.body.id, field: 'customer_communication' }])).status).toBe(200);
  expect((await apiAs('seller').post(`${path}/submit-evidence`)).status).toBe(200);

  const at = async <T>(p: string) => (await (await fetch(`${pages.world.sandbox.url}${p}`, { headers: { authorization: 'Bearer sk_test_sandbox' } })).json()) as T; // prettier-ignore
  const sent = await at<{ evidence: Record<string, string | null>; evidence_details: { submission_count: number } }>(`/v1/disputes/${dispute.stripe_dispute_id}`); // prettier-ignore
  expect(sent.evidence_details.submission_count).toBe(1);
  expect(sent.evidence['receipt'] ?? '').toBe('');
  const file = await at<{ purpose: string; size: number; filename: string }>(`/v1/files/${sent.evidence['customer_communication']}`); // prettier-ignore
  expect(file).toMatchObject({ purpose: 'dispute_evidence', size: 15, filename: 'letter.pdf' });
  const uploads = await at<{ data: unknown[] }>('/v1/files?purpose=dispute_evidence');
  expect(uploads.data).toHaveLength(2);
  expect((await download('seller2', letter.body.id)).status).toBe(404);
});
