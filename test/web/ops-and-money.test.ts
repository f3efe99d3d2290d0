// Pages of staff and of a seller's money, given through their forms over plain HTTP: approvals, rulings, debts, decisions,
// chargebacks, payout schedules, statements.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDispute, untilDispute } from '../chargebacks/acts.ts';
import { refundBy, releasedEscrow, setSellerBalance, untilMoney } from '../recovery/steps.ts';
import { apiOf, castOf, type EscrowObject, untilEscrow } from '../stack/api.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { topUpFloat } from '../stack/books.ts';
import type { PersonName } from '../stack/world.ts';
import { type HttpClient, signInAs } from './http-client.ts';
import { type PagesWorld, startPagesWorld } from './pages-world.ts';

let pages: PagesWorld;
let as: Record<'buyer' | 'seller' | 'seller2' | 'ops' | 'ops2' | 'auditor', HttpClient>;

beforeAll(async () => {
  pages = await startPagesWorld();
  const names = ['buyer', 'seller', 'seller2', 'ops', 'ops2', 'auditor'] as const;
  const clients = await Promise.all(names.map((name) => signInAs(pages.url, name)));
  as = Object.fromEntries(names.map((name, i) => [name, clients[i]!])) as typeof as;
  await topUpFloat(pages.world, 'usd', 10_000_000n);
}, 400_000);
afterAll(() => pages?.stop());

const apiAs = (name: PersonName) => apiOf(pages.world, pages.world.people[name]);
/** Over the limit for one person of ops. */
const LARGE = 200_000;

async function funded(amount = 10_000, more: object = {}): Promise<EscrowObject> {
  const { seller } = pages.world.people;
  const { id } = await apiAs('buyer').propose({ title: 'A shed', currency: 'usd', funding: 'upfront', milestones: [{ title: 'Walls', amount, seller_id: seller.id }], ...more }); // prettier-ignore
  await apiAs('seller').agree(id);
  return (await apiAs('buyer').fund(id)).escrow;
}

const on = (escrow: EscrowObject, action: string) => `/escrows/${escrow.id}/milestones/${escrow.milestones[0]!.id}/${action}`; // prettier-ignore
const pendingOf = async (escrowId: string): Promise<string> => {
  const { body } = await apiAs('ops').get<{ data: { id: string; escrow_id: string }[] }>('/v1/ops/approvals?status=pending'); // prettier-ignore
  return body.data.find((a) => a.escrow_id === escrowId)!.id;
};
/** CSV as a spreadsheet reads it. */
const cells = (text: string): string[][] =>
  text
    .trim()
    .split('\r\n')
    .map((line) =>
      [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map((m) => (m[1] ?? m[2] ?? '').replaceAll('""', '"')),
    );
const hidden = (text: string, name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(text)![1]!;

describe('an approval', () => {
  test('shows exactly what would be done; who asked cannot decide, another approves what was read, and the money moves once', async () => {
    const escrow = await funded(LARGE);
    const panel = await as.ops.get(on(escrow, 'refund'));
    expect(panel.text).toContain('Another of ops approves it.');
    expect((await as.ops.give(on(escrow, 'refund'), { reason: 'The seller is gone' })).location).toBe(
      `/escrows/${escrow.id}?done=approval_asked`,
    );
    const id = await pendingOf(escrow.id);
    expect((await as.ops2.get('/ops/approvals?status=pending')).text).toContain(`/ops/approvals/${id}`);
    const own = await as.ops.get(`/ops/approvals/${id}`);
    expect(own.text).toContain('another person of ops decides it');
    expect(own.text).not.toContain('Approve, and carry it out');
    const page = await as.ops2.get(`/ops/approvals/${id}`);
    for (const words of [
      'The seller is gone',
      '$2,000.00',
      '(200000 minor units)',
      escrow.id,
      'goes back to the buyer',
    ]) {
      expect(page.text).toContain(words);
    }
    const hash = hidden(page.text, 'params_hash');
    expect((await as.ops.give(`/ops/approvals/${id}/approve`, { params_hash: hash })).status).toBe(403);
    expect((await as.ops2.give(`/ops/approvals/${id}/approve`, { params_hash: '0'.repeat(64) })).status).toBe(409);
    expect((await as.auditor.give(`/ops/approvals/${id}/approve`, { params_hash: hash })).status).toBe(404);
    expect((await apiAs('buyer').escrow(escrow.id)).money['refunded']!.amount).toBe(0);
    const done = await as.ops2.give(`/ops/approvals/${id}/approve`, { params_hash: hash });
    expect(done.location).toBe(`/ops/approvals/${id}?done=approved`);
    await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.money['refunded']!.amount === LARGE);
    expect((await as.ops2.give(`/ops/approvals/${id}/deny`, { params_hash: hash })).status).toBe(409);
    expect((await as.auditor.get(`/ops/approvals/${id}`)).text).toContain('Carried out');
  });

  test('that is denied moves nothing', async () => {
    const escrow = await funded(LARGE);
    await as.ops.give(on(escrow, 'refund'), { reason: 'Wrong one' });
    const id = await pendingOf(escrow.id);
    const hash = hidden((await as.ops2.get(`/ops/approvals/${id}`)).text, 'params_hash');
    expect((await as.ops2.give(`/ops/approvals/${id}/deny`, { params_hash: hash })).location).toBe(`/ops/approvals/${id}?done=denied`); // prettier-ignore
    expect((await apiAs('buyer').escrow(escrow.id)).milestones[0]!.status).toBe('funded');
  });

  test.each(['/ops/approvals', '/ops/debts', '/ops/audit', '/ops/reconciliations', '/money', '/statements'])('%s is nobody else’s', async (path) => {
    const outsider = path.startsWith('/ops') ? as.seller : as.ops;
    expect((await outsider.get(path)).status).toBe(404);
  }); // prettier-ignore
});

test('ops rule a dispute by a split, after seeing what it moves', async () => {
  const escrow = await funded();
  await apiAs('seller').act(escrow.id, escrow.milestones[0]!.id, 'submit');
  await as.buyer.give(on(escrow, 'dispute'), { reason: 'Half of it is missing', amount: '100.00' });
  await as.seller.give(on(escrow, 'reply'), { message: 'It is all there' });
  await as.buyer.give(on(escrow, 'escalate'));
  expect((await as.ops.get(`/escrows/${escrow.id}`)).text).toContain('Rule the dispute…');
  expect((await as.seller.get(on(escrow, 'rule'))).status).toBe(409);
  const look = await as.ops.give(on(escrow, 'rule'), { amount: '40.00', reason: 'Half', intent: 'preview' });
  for (const words of [
    '$40.00 of what is held goes to seller, less the fee.',
    '$60.00 goes back to buyer.',
    'a transfer',
    'a refund',
  ]) {
    expect(look.text).toContain(words);
  }
  expect((await as.ops.give(on(escrow, 'rule'), { amount: '40.00' })).text).toContain('The reason is missing.');
  expect((await as.ops.give(on(escrow, 'rule'), { amount: '40.00', reason: 'Half' })).location).toBe(`/escrows/${escrow.id}?done=rule`); // prettier-ignore
  const end = await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.status === 'completed');
  expect([end.money['released']!.amount, end.money['refunded']!.amount]).toEqual([3_600, 6_000]);
});

describe('new terms', () => {
  test('are looked at before they are proposed, and signed by the other side', async () => {
    const escrow = await funded();
    const path = `/escrows/${escrow.id}/amend`;
    const page = await as.buyer.get(path);
    expect(page.text).toContain('value="Walls"');
    const row = { m_id: escrow.milestones[0]!.id, m_title: 'Walls', m_amount: '80.00', m_seller: 'x', m_due: '', m_inspection: '' }; // prettier-ignore
    expect((await as.buyer.give(path, { title: 'A shed', ...row, m_amount: '80.001' })).text).toContain('Write an amount in USD'); // prettier-ignore
    const look = await as.buyer.give(path, { title: 'A shed', ...row, intent: 'preview' });
    expect(look.text).toContain('Walls becomes smaller: $20.00 that is held goes back to buyer.');
    expect((await apiAs('buyer').escrow(escrow.id)).status).toBe('active');
    expect((await as.buyer.give(path, { title: 'A shed', ...row, intent: 'propose' })).location).toBe(`/escrows/${escrow.id}?done=amend`); // prettier-ignore
    const sign = await as.seller.get(`/escrows/${escrow.id}/sign-amendment`);
    expect(sign.text).toContain('$20.00 that is held goes back to buyer.');
    const form = { amendment_id: hidden(sign.text, 'amendment_id'), terms_hash: hidden(sign.text, 'terms_hash') };
    expect((await as.seller.give(`/escrows/${escrow.id}/sign-amendment`, form)).status).toBe(303);
    await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.money['refunded']!.amount === 2_000);
    expect((await as.ops.get(path)).status).toBe(404);
  });

  test('that change nothing, or name nobody, are refused in words', async () => {
    const escrow = await funded();
    const path = `/escrows/${escrow.id}/amend`;
    const row = { title: 'A shed', m_id: escrow.milestones[0]!.id, m_title: 'Walls', m_amount: '100.00', m_seller: '', m_due: '', m_inspection: '' }; // prettier-ignore
    const same = await as.seller.give(path, { ...row, intent: 'propose' });
    expect([same.status, same.text.includes('This amendment changes nothing.')]).toEqual([422, true]);
    const gone = await as.seller.give(path, { ...row, m_out: '0', intent: 'preview' });
    expect([gone.status, gone.text.includes('To end the escrow, cancel it.')]).toEqual([422, true]);
    const added = await as.seller.give(path, { ...row, intent: 'add' });
    expect(added.text).toContain('New milestone 2');
  });
});

describe('money that was released', () => {
  test('is asked back by one side and confirmed by the other; what the balance lacks is a debt with pages of its own', async () => {
    const cast = castOf(pages.world);
    const escrow = await releasedEscrow(cast, [10_000], {}, 'seller2');
    const { seller2 } = pages.world.people;
    await setSellerBalance(pages.world, seller2.id, 1_000);
    const asks = await as.buyer.get(on(escrow, 'refund'));
    expect(asks.text).toContain('The other side is asked to confirm.');
    expect((await as.buyer.give(on(escrow, 'refund'), { amount: '100.00', reason: 'It fell apart' })).status).toBe(303);
    expect((await as.buyer.get(on(escrow, 'refund'))).status).toBe(409);
    expect((await as.seller2.get(on(escrow, 'refund'))).text).toContain('becomes a debt');
    expect((await as.seller2.give(on(escrow, 'refund'), { reason: 'I agree' })).status).toBe(303);
    await untilMoney(cast, escrow.id, { owed: 8_000 });

    const mine = await as.seller2.get('/money');
    expect(mine.text).toContain('What you owe, and how it is taken off');
    expect(mine.text).toContain('$80.00');
    const [debt] = (await apiAs('ops').get<{ data: { id: string }[] }>(`/v1/ops/debts?seller_id=${seller2.id}`)).body.data; // prettier-ignore
    expect((await as.auditor.get('/ops/debts?status=open')).text).toContain(`/ops/debts/${debt!.id}`);
    expect((await as.auditor.get(`/ops/debts/${debt!.id}`)).text).not.toContain('Record the repayment');
    const path = `/ops/debts/${debt!.id}`;
    expect((await as.ops.give(`${path}/repay`, { amount: '81.00', reference: 'X' })).text).toContain('The open rest of this debt'); // prettier-ignore
    expect((await as.ops.give(`${path}/repay`, { amount: '30.00' })).text).toContain('The reference is missing.');
    expect((await as.ops.give(`${path}/repay`, { amount: '30.00', reference: 'SEPA 4711' })).location).toBe(`${path}?done=repaid`); // prettier-ignore
    expect((await as.seller2.get('/money')).text).toContain('SEPA 4711');
    expect((await as.ops.give(`${path}/write-off`, { reason: 'Out of business' })).location).toBe(`${path}?done=approval_asked`); // prettier-ignore
    const id = await pendingOf(escrow.id);
    const page = await as.ops2.get(`/ops/approvals/${id}`);
    expect(page.text).toContain('The seller owes $50.00 no more.');
    await as.ops2.give(`/ops/approvals/${id}/approve`, { params_hash: hidden(page.text, 'params_hash') });
    expect((await as.ops.get(path)).text).toContain('Written off');

    const statement = await as.seller2.get('/statements.csv');
    expect(statement.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const rows = cells(statement.text);
    // Credits and debits sum to what the seller and the platform still owe each other: nothing.
    expect(rows.slice(1).reduce((sum, row) => sum + Math.round(Number(row[6]) * 100), 0)).toBe(0);
    expect(rows.at(-1)![7]).toBe('0.00');
    expect(rows.map((row) => row[1])).toContain('Debt written off');
    expect((await as.seller2.get('/statements')).text).toContain('Transferred to your Stripe balance');
  });
});

test('a decision is forced only over money that was held for too long, and is said so in words', async () => {
  const escrow = await funded();
  const path = `/ops/escrows/${escrow.id}/force-decision`;
  expect((await as.ops.get(path)).text).toContain('Walls: $100.00 held');
  const form = { milestone_id: escrow.milestones[0]!.id, decision: 'refund', reason: 'Nobody answers' };
  const early = await as.ops.give(path, form);
  expect([early.status, early.text.includes('A decision can be forced from')]).toEqual([409, true]);
  await pages.world.sql`UPDATE movements SET created_at = created_at - interval '720 days', updated_at = updated_at - interval '720 days' WHERE escrow_id = ${escrow.id}`; // prettier-ignore
  expect((await as.ops.give(path, form)).location).toBe(`/escrows/${escrow.id}?done=approval_asked`);
  const id = await pendingOf(escrow.id);
  const page = await as.ops2.get(`/ops/approvals/${id}`);
  expect(page.text).toContain('goes back to the buyer');
  await as.ops2.give(`/ops/approvals/${id}/approve`, { params_hash: hidden(page.text, 'params_hash') });
  await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.money['refunded']!.amount === 10_000);
});

test('what Stripe can refund no more is recorded as paid by bank transfer, by two, from the escrow’s page', async () => {
  const escrow = await paidByDebit(pages.world, castOf(pages.world), [10_000], { fee_payer: 'buyer', policy: { fee_return: 'full' } }); // prettier-ignore
  const path = `/ops/escrows/${escrow.id}/refund-by-bank`;
  expect((await as.ops.get(`/escrows/${escrow.id}`)).text).toContain(path);
  expect((await as.ops.get(path)).text).toContain('$100.00 left, the buyer gets $110.00');
  const form = { milestone_id: escrow.milestones[0]!.id, reference: 'wire 44', reason: 'The time has passed' };
  const early = await as.ops.give(path, form);
  expect([early.status, early.text.includes('refund it at Stripe')]).toEqual([409, true]);
  await backdatePayment(pages.world, escrow.id, 181);
  expect((await as.ops.give(path, form)).location).toBe(`/escrows/${escrow.id}?done=approval_asked`);
  const id = await pendingOf(escrow.id);
  const page = await as.ops2.get(`/ops/approvals/${id}`);
  expect(page.text).toContain('counts as paid $110.00 by bank transfer (wire 44)');
  await as.ops2.give(`/ops/approvals/${id}/approve`, { params_hash: hidden(page.text, 'params_hash') });
  await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.money['refunded']!.amount === 11_000);
  expect((await as.buyer.get(`/escrows/${escrow.id}`)).text).toContain('by bank transfer');
});

describe('a chargeback', () => {
  test('is answered on its page: evidence with a file is staged, changed and sent', async () => {
    const escrow = await funded();
    const dispute = await openDispute(pages.world, apiAs('buyer'), escrow);
    await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.frozen.includes('card_dispute'));
    const path = `/disputes/${dispute.id}`;
    expect((await as.seller.get(`/escrows/${escrow.id}`)).text).toContain(path);
    expect((await as.buyer.get(path)).text).not.toContain('Build the evidence');
    expect((await as.seller2.get(path)).status).toBe(404);
    const form = async (fields: Record<string, string>, file?: [string, string, string]) => {
      const body = new FormData();
      for (const [name, value] of Object.entries({ csrf: await as.seller.csrf(), key: crypto.randomUUID(), ...fields })) body.set(name, value); // prettier-ignore
      if (file !== undefined) body.set(file[0], new File([file[2]], file[1]));
      return fetch(`${pages.url}${path}/evidence`, { method: 'POST', body, redirect: 'manual', headers: { accept: 'text/html', origin: pages.url, cookie: as.seller.cookie } }); // prettier-ignore
    };
    const lie = await form({ text: 'It was delivered' }, ['receipt', 'receipt.png', 'no picture']);
    expect([lie.status, (await lie.text()).includes('not what its name says')]).toEqual([422, true]);
    expect((await form({ text: 'It was delivered' }, ['receipt', 'receipt.pdf', '%PDF-1.7 paid'])).headers.get('location')).toBe(`${path}?done=evidence_staged`); // prettier-ignore
    const staged = (await as.seller.get(path)).text;
    expect(staged).toContain('Keep receipt.pdf');
    expect((await form({ text: 'winning_evidence', kept: hidden(staged, 'kept') })).status).toBe(303);
    expect((await as.seller.give(`${path}/submit-evidence`)).location).toBe(`${path}?done=evidence_sent`);
    await untilDispute(pages.world, dispute.stripe_dispute_id, (d) => d.status !== 'needs_response');
    expect((await as.seller.give(`${path}/submit-evidence`)).status).toBe(422);
    const sent = (await (await fetch(`${pages.world.sandbox.url}/v1/disputes/${dispute.stripe_dispute_id}`, { headers: { authorization: 'Bearer sk_test_x' } })).json()) as { evidence: { receipt: string | null } }; // prettier-ignore
    expect(sent.evidence.receipt).toMatch(/^file_/);
  });

  test('is accepted as a loss by its seller', async () => {
    const escrow = await funded();
    const dispute = await openDispute(pages.world, apiAs('buyer'), escrow);
    await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.frozen.includes('card_dispute'));
    expect((await as.seller.get(`/disputes/${dispute.id}`)).text).toContain('Accept the loss of $100.00');
    expect((await as.seller.give(`/disputes/${dispute.id}/accept-loss`)).location).toBe(`/disputes/${dispute.id}?done=loss_accepted`); // prettier-ignore
    await untilEscrow(apiAs('buyer'), escrow.id, (e) => e.money['charged_back']!.amount === 10_000);
    expect((await as.seller.get(`/disputes/${dispute.id}`)).text).toContain('Who bears the loss');
  });
});

test('a payout schedule waits for staff, and Stripe has it only after they approved', async () => {
  expect((await as.seller.give('/money/payout-schedule', { interval: 'weekly', weekly_anchor: 'friday' })).location).toBe('/money?done=schedule_asked'); // prettier-ignore
  expect((await as.seller.get('/money')).text).toContain('Waits for a second person');
  expect((await as.seller.give('/money/payout-schedule', { interval: 'hourly' })).status).toBe(422);
  const { body } = await apiAs('ops').get<{ data: { id: string; kind: string }[] }>('/v1/ops/approvals?status=pending');
  const { id } = body.data.find((a) => a.kind === 'payout_schedule')!;
  const page = await as.ops.get(`/ops/approvals/${id}`);
  expect(page.text).toContain('a thief would change this first');
  expect((await as.ops.give(`/ops/approvals/${id}/approve`, { params_hash: hidden(page.text, 'params_hash') })).location).toBe(`/ops/approvals/${id}?done=approved`); // prettier-ignore
  expect((await as.seller.get('/money')).text).toContain('Carried out');
});

describe('the figures', () => {
  test('of the money bar lead to the entries that make them, and each sums to its figure', async () => {
    const cast = castOf(pages.world);
    const escrow = await releasedEscrow(cast, [10_000, 20_000]);
    await refundBy(cast.ops, escrow, { amount: 3_000 });
    await untilMoney(cast, escrow.id, { refunded: 3_000 });
    const { money } = await cast.ops.escrow(escrow.id);
    for (const term of ['charged', 'held', 'released', 'refunded', 'fees', 'owed'] as const) {
      const page = await as.buyer.get(`/escrows/${escrow.id}/money?term=${term}`);
      const together = /Together<\/th><td class="right"><span class="money" title="USD ([-\d.]+)"/.exec(page.text)?.[1];
      expect([term, Math.round(Number(together ?? 0) * 100)]).toEqual([term, money[term]!.amount]);
      expect(page.text).not.toContain('stripe:pending');
    }
    expect((await as.buyer.get(`/escrows/${escrow.id}`)).text).toContain(`/escrows/${escrow.id}/money?term=released#behind`); // prettier-ignore
    expect((await as.auditor.get(`/escrows/${escrow.id}/money`)).text).toContain('stripe:pending');
  });

  test('of a receipt are those of the payment and its refunds; a buyer’s statement has both', async () => {
    const escrow = await funded(12_345, { fee_payer: 'buyer' });
    const [payment] = await apiAs('buyer').list<{ id: string }>(escrow.id, 'payments');
    await as.buyer.give(on(escrow, 'refund'), { amount: '23.45', reason: 'Less work' });
    // Counted as refunded when it is ordered; a statement has it once Stripe has booked it.
    await untilEscrow(apiAs('buyer'), escrow.id, (e) =>
      (e.milestones[0]!['refunds'] as { status: string }[]).some((r) => r.status === 'succeeded'),
    );
    const receipt = await as.buyer.get(`/escrows/${escrow.id}/receipts/${payment!.id}`);
    for (const words of ['$123.45', 'Fee of Tranche', 'Paid in the end', payment!.id]) expect(receipt.text).toContain(words); // prettier-ignore
    expect((await as.seller2.get(`/escrows/${escrow.id}/receipts/${payment!.id}`)).status).toBe(404);
    const rows = (await as.buyer.get('/statements.csv')).text.split('\r\n').filter((line) => line.includes(escrow.id));
    expect(rows.map((row) => row.split(',')[1])).toEqual(['Payment', 'Refund']);
    expect((await as.buyer.get('/statements')).text).toContain(`/receipts/${payment!.id}`);
    expect((await as.buyer.get('/statements?from=2020-01-01&to=2020-01-31')).text).toContain('Nothing happened in this time'); // prettier-ignore
  });
});

test('the audit log is filtered in its address, and its chain is walked', async () => {
  const escrow = await funded();
  const page = await as.auditor.get(`/ops/audit?subject=${escrow.id}&verify=true`);
  expect(page.text).toContain('escrow create');
  expect(page.text).toContain('The chain holds');
  expect((await as.auditor.get('/ops/audit?subject=nothing')).text).toContain('There is no such entry');
});
