// Nothing that waits on a person is forgotten: every state that the rules know, and every event that a workflow writes,
// has its message, with words that a person can read.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  type DisputeState,
  type EscrowEvent,
  type EscrowState,
  type FreezeReason,
  isMilestoneEnd,
} from '../../domain/escrow-state.ts';
import { EVENT_MESSAGES, MESSAGE_KINDS, mayBeSwitchedOff, type MessageKind, messagesOfEvent } from '../../domain/messages.ts'; // prettier-ignore
import { MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';
import { milestoneWaiting, WAIT_KINDS, waitingFor } from '../../domain/waiting.ts';
import { waitsOf } from '../../domain/waits.ts';
import { mailOf } from '../../messages/mail.tsx';
import { WORDS, wordsOf } from '../../messages/words.ts';
import { EVENTS } from '../../web/words.ts';
import { BUYER, milestoneIn, NOW, SELLER, stateOf, twoSellers } from './fixtures.ts';

const terms = twoSellers();
const PERSONS = ['buyer', 'seller', 'buyer_and_seller', 'ops'];
const request = { by: SELLER.id, role: 'seller', amount: 5000, reason: 'r', at: NOW, expiresAt: NOW + 1000 } as const;
const dispute = (status: DisputeState['status'], openedRole: 'buyer' | 'seller' = 'buyer'): DisputeState => ({ id: 'dsp_1', openedBy: BUYER.id, openedRole, reason: 'r', amount: 5000, claim: 0, status, offers: { buyer: null, seller: null }, until: NOW + 1000, before: 'submitted', outcome: null }); // prettier-ignore

/** One escrow for everything that can be waited for. */
function everyState(): [string, EscrowState][] {
  const statuses = [...new Set(MILESTONE_TRANSITIONS.flatMap((r) => [...r.from, ...r.to]))];
  const one = (more: Partial<EscrowState['milestones'][number]> & { status: EscrowState['milestones'][number]['status'] }) =>
    stateOf(terms, { milestones: terms.milestones.map((t) => milestoneIn(more.status, t, more)) });
  const reasons: FreezeReason[] = ['in_product_dispute', 'card_dispute', 'fraud_warning', 'risk', 'seller_restricted', 'ops'];
  const owed = { id: 'rfd_1', part: 1, amount: 10_000, chargeAmount: 10_000, principal: 10_000, buyerFee: 0, buyerFeeReturned: 0, status: 'asked' as const, generation: 1, stripeRefundId: null, reason: '', before: 'funded' as const, needsBank: true as const };
  const freeze = (reason: FreezeReason) => ({ reason, scope: 'escrow' as const, subject: 'esc_1', detail: 'x', since: NOW });
  return [
    ['proposed', stateOf(terms, { status: 'proposed' })],
    ['settling', stateOf(terms, { status: 'settling' })],
    ['settling, frozen', stateOf(terms, { status: 'settling', frozen: [freeze('ops')] })],
    ['settling, owed by bank', { ...one({ status: 'refunding', refunded: 10_000, refunds: [owed] }), status: 'settling' }],
    ['owed by bank', one({ status: 'refunding', refunded: 10_000, refunds: [owed] })],
    ['a part of it owed by bank', one({ status: 'started', refunded: 1000, refunds: [{ ...owed, amount: 1000 }] })],
    ['asked to cancel', stateOf(terms, { cancelRequest: request })],
    ['new terms', stateOf(terms, { amendment: { id: 'amd_1', by: SELLER.id, role: 'seller', terms, termsHash: 'b'.repeat(64), consents: [SELLER.id], until: NOW + 1000 } })],
    ...statuses.map((status): [string, EscrowState] => [status, one({ status })]),
    ...statuses.filter((status) => !isMilestoneEnd(status)).map((status): [string, EscrowState] => [`${status}, refund asked`, one({ status, refundRequest: request })]),
    ...reasons.map((reason): [string, EscrowState] => [`frozen: ${reason}`, { ...one({ status: 'submitted' }), frozen: [freeze(reason)] }]),
    ...(['open', 'negotiating', 'mediation', 'second_arbiter', 'settled'] as const).flatMap((status) =>
      (['buyer', 'seller'] as const).map((role): [string, EscrowState] => [`dispute ${status} by ${role}`, one({ status: 'disputed', dispute: dispute(status, role) })])),
    ['dispute suspended', { ...one({ status: 'disputed', dispute: dispute('open') }), frozen: [freeze('ops')] }],
  ];
} // prettier-ignore

test('a kind that is not known here is said neutrally, and leads to its escrow', () => {
  const reader = { locale: 'en-US', timeZone: 'UTC' };
  const words = wordsOf('a_kind_of_tomorrow', { reader, data: { title: 'T' }, escrowId: 'esc_1' });
  expect(words).toMatchObject({ subject: 'A message about “T”', button: { to: '/escrows/esc_1' } });
  expect(wordsOf('toString', { reader, data: {}, escrowId: null })).toMatchObject({ subject: 'A message of Tranche', button: null }); // prettier-ignore
});

describe.each(everyState())('%s', (_name, state) => {
  test('whoever is waited for has a message of it', () => {
    const waits = waitsOf(state, BUYER.id);
    const whole = ['proposed', 'settling'].includes(state.status);
    const expected = whole ? [waitingFor(state)] : [waitingFor(state), ...state.milestones.map((m) => milestoneWaiting(state, m))]; // prettier-ignore
    for (const w of expected.filter((each) => PERSONS.includes(each.who))) {
      const own = waits.find((each) => each.kind === w.kind);
      expect(own).toBeDefined();
      expect(Object.hasOwn(MESSAGE_KINDS, own!.kind)).toBe(true);
      expect(own!.ops || own!.people.length > 0).toBe(true);
      if (w.who === 'buyer') expect(own!.people).toEqual([BUYER.id]);
      if (w.who === 'seller') expect(own!.people).not.toContain(BUYER.id);
    }
    expect(new Set(waits.map((w) => w.key)).size).toBe(waits.length);
  });
});

test('those states are all that people can be waited for', () => {
  const reached = new Set(everyState().flatMap(([, state]) => waitsOf(state, BUYER.id).map((w) => w.kind as string)));
  const others = [
    'bank',
    'settlement',
    'chargeback',
    'transfer',
    'first_release',
    'refund',
    'refund_owed',
    'reversal',
    'closing',
    'ended',
  ];
  expect([...reached].sort()).toEqual(WAIT_KINDS.filter((kind) => !others.includes(kind)).sort());
});

test('whoever has agreed or signed is not asked again', () => {
  const proposed = stateOf(terms, { status: 'proposed', consents: [BUYER.id, SELLER.id] });
  const left = terms.milestones.map((m) => m.sellerId).filter((id) => id !== SELLER.id);
  expect(waitsOf(proposed, BUYER.id).map((w) => w.people)).toEqual([left]);
});

test('paying and starting several milestones at once is one message; a second delivery is another', () => {
  const state = stateOf(terms);
  const paid = { ...state, milestones: terms.milestones.map((t) => milestoneIn('awaiting_funding', t)) };
  expect(waitsOf(paid, BUYER.id).map((w) => w.kind)).toEqual(['pay']);
  const keyOf = (submittedAt: number) => {
    const milestones = [milestoneIn('submitted', terms.milestones[0]!, { submittedAt })];
    return waitsOf({ ...state, milestones }, BUYER.id)[0]!.key;
  };
  expect(keyOf(NOW)).toBe(keyOf(NOW));
  expect(keyOf(NOW)).not.toBe(keyOf(NOW + 1));
});

describe('events', () => {
  const event = (type: string, more: Partial<EscrowEvent> = {}): EscrowEvent => ({ seq: 1, at: NOW, type, actor: { kind: 'timer', id: null, role: null }, milestoneId: 'ms_1', data: {}, ...more }); // prettier-ignore
  const parties = { buyerId: BUYER.id, milestones: [{ id: 'ms_1', sellerId: SELLER.id, title: 'One' }] };

  test('each one that a workflow writes, or a page has words for, was decided about', () => {
    const folder = new URL('../../workflows/', import.meta.url);
    const source = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8')).join('\n'); // prettier-ignore
    const written = [...source.matchAll(/mark\.event\(\s*'(\w+\.\w+)'/g)].map((match) => match[1]!);
    expect(written.length).toBeGreaterThan(30);
    const undecided = [...new Set([...written, ...Object.keys(EVENTS)])].filter((type) => !Object.hasOwn(EVENT_MESSAGES, type)); // prettier-ignore
    expect(undecided).toEqual([]);
  });

  test('who did it is not told of it, and a dispute’s own freeze is not told twice', () => {
    const offered = event('dispute.offered', { actor: { kind: 'person', id: BUYER.id, role: 'buyer' } });
    expect(messagesOfEvent(offered, parties)).toEqual([{ kind: 'offer', personId: SELLER.id }]);
    expect(messagesOfEvent(event('milestone.overdue'), parties)).toEqual([{ kind: 'work_overdue', personId: BUYER.id }]); // prettier-ignore
    expect(messagesOfEvent(event('escrow.frozen', { data: { reason: 'in_product_dispute' } }), parties)).toEqual([]);
    expect(messagesOfEvent(event('something.new'), parties)).toEqual([]);
  });
});

describe.each(Object.keys(MESSAGE_KINDS) as MessageKind[])('the words of %s', (kind) => {
  const data = { title: 'A site\nBcc: x@y.test', milestone: 'De<b>sign', what: 'Do it.', until: NOW, otherwise: 'It lapses.', amount: 12_345, currency: 'usd', settlement: 'usd', event: 'escrow.completed', how: 'ruled', seller_amount: 5000, ends_at: NOW, by: 'Ben', role_words: 'a seller', alert: 'review', approval_kind: 'refund', status: 'executed', left: 3, on: true }; // prettier-ignore
  const mail = (more: object = data, link?: string) =>
    mailOf(kind, { reader: { locale: 'en', timeZone: 'UTC' }, data: { ...more }, escrowId: 'esc_1', link }, { publicUrl: 'https://pay.example', name: 'Ana', optional: mayBeSwitchedOff(kind) }); // prettier-ignore

  test('are sentences, in text and in HTML, and nothing in them is missing or markup', () => {
    const { subject, text, html } = mail();
    expect(subject).not.toMatch(/[\r\n]|undefined|null|NaN|\{/);
    expect(text).not.toMatch(/undefined|null|NaN|\[object|\{/);
    expect(text.length).toBeGreaterThan(80);
    expect(html).not.toContain('<b>sign');
    for (const [url] of text.matchAll(/https?:\/\/\S+/g)) expect(url.startsWith('https://pay.example/')).toBe(true);
    const words = WORDS[kind]({ reader: { locale: 'en', timeZone: 'UTC' }, data, escrowId: 'esc_1' });
    for (const sentence of words.says) expect(sentence).toMatch(/[.?]$|”$/);
  });

  test('stand with hardly any facts', () => {
    expect(mail({}).text).not.toMatch(/undefined|NaN|Invalid/);
  });
});
