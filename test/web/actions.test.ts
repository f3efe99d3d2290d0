// Every action that a page offers, given through its form, with what its page says before: over plain HTTP.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiOf, type EscrowObject } from '../stack/api.ts';
import { setTransfers } from '../stack/world.ts';
import { HttpClient, signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let buyer: HttpClient;
let seller: HttpClient;

beforeAll(async () => {
  pages = await startPagesWorld();
  [buyer, seller] = await Promise.all([signInAs(pages.url, 'buyer'), signInAs(pages.url, 'seller')]);
}, 400_000);
afterAll(() => pages?.stop());

const api = () => apiOf(pages.world, pages.world.people.buyer);

async function funded(more: object = {}): Promise<EscrowObject> {
  const { people } = pages.world;
  const milestone = (title: string) => ({ title, amount: 10_000, seller_id: people.seller.id });
  const { id } = await api().propose({
    title: 'T',
    currency: 'usd',
    funding: 'upfront',
    milestones: [milestone('A'), milestone('B')],
    ...more,
  });
  await apiOf(pages.world, people.seller).agree(id);
  await api().fund(id);
  return api().escrow(id);
}

const on = (escrow: EscrowObject, action: string, index = 0) =>
  `/escrows/${escrow.id}/milestones/${escrow.milestones[index]!.id}/${action}`;

describe('one milestone after the other', () => {
  test('the buyer asks for changes, takes more time, and accepts a part; each says what it moves before', async () => {
    const escrow = await funded();
    expect((await seller.give(on(escrow, 'start'))).location).toBe(`/escrows/${escrow.id}?done=start`);
    await seller.give(on(escrow, 'submit'), { note: 'First' });

    expect((await buyer.get(on(escrow, 'request-changes'))).text).toContain('The money stays held. Nothing moves.');
    const wordless = await buyer.give(on(escrow, 'request-changes'));
    expect([wordless.status, wordless.text.includes('The note is missing.')]).toEqual([422, true]);
    await buyer.give(on(escrow, 'request-changes'), { note: 'Bigger' });
    expect((await seller.get(`/escrows/${escrow.id}`)).text).toContain('Bigger');
    await seller.give(on(escrow, 'submit'), { note: 'Second' });

    const before = (await api().escrow(escrow.id)).milestones[0]!.inspection_ends_at!;
    await buyer.give(on(escrow, 'extend'));
    const after = (await api().escrow(escrow.id)).milestones[0]!.inspection_ends_at!;
    expect(Date.parse(after) - Date.parse(before)).toBe(14 * 86_400_000);
    expect((await buyer.give(on(escrow, 'extend'))).status).toBe(409);

    const preview = await buyer.give(on(escrow, 'accept'), { amount: '25.00', intent: 'preview' });
    expect(preview.text).toContain('$22.50 goes from what is held to seller.');
    expect(preview.text).toContain('$75.00 stays held');
    expect((await api().escrow(escrow.id)).milestones[0]!['accepted']).toEqual({ amount: 0, currency: 'usd' });
    expect((await buyer.give(on(escrow, 'accept'), { amount: '25.001' })).text).toContain('is not an amount in USD');
    await buyer.give(on(escrow, 'accept'), { amount: '25.00' });
    expect((await api().escrow(escrow.id)).milestones[0]!['accepted']).toEqual({ amount: 2_500, currency: 'usd' });
    const tooMuch = await buyer.give(on(escrow, 'accept'), { amount: '75.01' });
    expect([tooMuch.status, tooMuch.text.includes('is left')]).toEqual([422, true]);
  });

  test('a refund before the work starts is the buyer’s alone; after it the seller confirms', async () => {
    const escrow = await funded();
    expect((await buyer.get(on(escrow, 'refund'))).text).toContain('$100.00 goes from what is held back to buyer');
    expect((await buyer.give(on(escrow, 'refund'), { reason: 'No need' })).location).toBe(
      `/escrows/${escrow.id}?done=refund`,
    );

    await seller.give(on(escrow, 'start', 1));
    expect((await buyer.get(on(escrow, 'refund', 1))).text).toContain('The other side is asked to confirm');
    const asked = await buyer.give(on(escrow, 'refund', 1), { reason: 'Too late' });
    expect(asked.location).toBe(`/escrows/${escrow.id}?done=refund_asked`);
    expect((await seller.get('/escrows?show=needs-you')).text).toContain(`/escrows/${escrow.id}`);
    expect((await seller.give(on(escrow, 'refund', 1), { reason: 'Agreed' })).status).toBe(303);
    const { milestones } = await api().escrow(escrow.id);
    expect(milestones.map((m) => m.refunded.amount)).toEqual([10_000, 10_000]);
  });
});

test('cancelling says what goes back; after a start it is a request that the other side answers', async () => {
  const untouched = await funded();
  expect((await buyer.get(`/escrows/${untouched.id}/cancel`)).text).toContain(
    '$200.00 that is still held goes back to buyer.',
  );
  expect((await buyer.give(`/escrows/${untouched.id}/cancel`)).location).toBe(`/escrows/${untouched.id}?done=cancel`);

  const begun = await funded();
  await seller.give(on(begun, 'start'));
  expect((await buyer.give(`/escrows/${begun.id}/cancel`)).location).toBe(`/escrows/${begun.id}?done=cancel_asked`);
  expect((await seller.get(`/escrows/${begun.id}`)).text).toContain('You act next');
  await seller.give(`/escrows/${begun.id}/cancel`);
  expect(['settling', 'cancelled']).toContain((await api().escrow(begun.id)).status);
});

test('each milestone of an escrow that is paid in steps has its own button to pay', async () => {
  const { people } = pages.world;
  const milestone = (title: string, amount: number) => ({ title, amount, seller_id: people.seller.id });
  const { id, milestones } = await api().propose({
    title: 'Steps',
    currency: 'eur',
    funding: 'per_milestone',
    fee_payer: 'buyer',
    milestones: [milestone('A', 10_000), milestone('B', 20_000)],
  });
  await seller.give(`/escrows/${id}/agree`);
  const page = await buyer.get(`/escrows/${id}`);
  expect(page.text).toContain('Pay €110.00');
  expect(page.text).toContain('Pay €220.00');
  const pay = await buyer.give(`/escrows/${id}/fund`, { milestone_ids: milestones[1]!.id });
  expect(pay.location).toMatch(/^\/pay\/pay_/);
  expect((await seller.get(pay.location!)).text).not.toContain('choose a test method');
  expect((await buyer.give(pay.location!, { payment_method: 'pm_card_visa' })).location).toBe(
    `/escrows/${id}?done=paid`,
  );
  expect((await api().escrow(id)).milestones.map((m) => m.status)).toEqual(['awaiting_funding', 'funded']);
});

test('a seller who is not verified is led to Stripe, and back', async () => {
  const client = await signInAs(pages.url, 'seller2');
  const { sql, people, sandbox } = pages.world;
  const [row] = await sql<
    { stripe_account_id: string }[]
  >`SELECT stripe_account_id FROM sellers WHERE id = ${people.seller2.id}`;
  await setTransfers(sandbox.url, row!.stripe_account_id, 'inactive');
  await sql`UPDATE sellers SET transfers = 'inactive', status = 'restricted' WHERE id = ${people.seller2.id}`;
  expect((await client.get('/verification')).text).toContain('Not verified yet');
  const onboarding = await client.give('/verification');
  expect(new URL(onboarding.location!).origin).toBe(sandbox.url);
  const back = await fetch(onboarding.location!, { method: 'POST', redirect: 'manual' });
  expect(back.headers.get('location')).toBe(`${pages.url}/verification?done=onboarded`);
  expect((await client.get('/verification')).text).toContain('Verified: you can be paid');
});

test('a dispute goes from its opening over a reply and an offer to its settlement', async () => {
  const escrow = await funded();
  await seller.give(on(escrow, 'submit'));
  expect((await buyer.get(on(escrow, 'dispute'))).text).toContain('The milestone is frozen at once');
  expect(
    (await buyer.give(on(escrow, 'dispute'), { reason: 'It is not what we agreed', amount: '100.00' })).status,
  ).toBe(303);
  expect((await seller.get(`/escrows/${escrow.id}`)).text).toContain('It is not what we agreed');
  expect((await buyer.give(on(escrow, 'reply'), { message: 'Mine' })).status).toBe(409);
  expect((await seller.give(on(escrow, 'reply'), { message: 'It is' })).status).toBe(303);
  expect((await seller.give(on(escrow, 'offer'), { amount: '60.00' })).status).toBe(303);
  const terms = await buyer.get(on(escrow, 'accept-offer'));
  expect(terms.text).toContain('$60.00 of what is held goes to seller, less the fee.');
  expect(terms.text).toContain('$40.00 goes back to buyer.');
  expect((await buyer.give(on(escrow, 'accept-offer'))).status).toBe(303);
  expect((await buyer.get(`/escrows/${escrow.id}`)).text).toContain('settled the dispute: the seller gets $60.00');
});

test('new terms are shown to the other side, who signs them', async () => {
  const escrow = await funded();
  const { seller: person } = pages.world.people;
  const [a, b] = escrow.milestones;
  const terms = await api().post<{ amendment?: unknown }>(`/v1/escrows/${escrow.id}/amendments`, {
    milestones: [
      { id: a!.id, title: 'A', amount: 10_000, seller_id: person.id },
      { id: b!.id, title: 'B, smaller', amount: 8_000, seller_id: person.id },
    ],
  });
  expect(terms.status).toBeLessThan(300);
  expect((await seller.get(`/escrows/${escrow.id}`)).text).toContain(`/escrows/${escrow.id}/sign-amendment`);
  const page = (await seller.get(`/escrows/${escrow.id}/sign-amendment`)).text;
  expect(page).toContain('B, smaller');
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(page)![1]!;
  const form = { amendment_id: hidden('amendment_id'), terms_hash: hidden('terms_hash') };
  expect((await seller.give(`/escrows/${escrow.id}/sign-amendment`, form)).status).toBe(303);
  const after = await api().escrow(escrow.id);
  expect([after['terms_version'], after.milestones[1]!['title']]).toEqual([2, 'B, smaller']);
  // Less is a refund of what is not released.
  expect(after.milestones[1]!.refunded).toEqual({ amount: 2_000, currency: 'usd' });
});
