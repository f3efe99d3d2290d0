// Disputes: inquiry or chargeback, evidence staged and submitted, decided by magic evidence or by the clock.
import type { DisputePlan } from './behaviours.ts';
import { ensureBooked } from './charges.ts';
import { invalid } from './errors.ts';
import { object, text } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { balanceGrew, book } from './ledger.ts';
import { page } from './lists.ts';
import { convert, disputeFee, exchangeRate, settlementCurrency } from './money.ts';
import { bool, CREATED, expand, free, hash, LIST, mergeMetadata, metadata, NONE, oneOf, str } from './params.ts';
import type { Spec } from './params.ts';
import { closeReviewsOf, warningsHandled } from './radar.ts';
import type { Charge, Dispute } from './records.ts';
import { failPendingRefunds } from './refunds.ts';
import { defineView, present } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { DAY_SECONDS } from './world.ts';
import type { World } from './world.ts';

const RESPOND_DAYS = 8;
/** The card network's decision when the evidence says neither `winning_` nor `losing_evidence`. */
const DECIDE_DAYS = 65;
/** Stripe's limit on all text of one dispute's evidence. */
const MOST_TEXT = 150_000;
const EVIDENCE = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
];
const FILES = [
  'cancellation_policy',
  'customer_communication',
  'customer_signature',
  'duplicate_charge_documentation',
  'receipt',
  'refund_policy',
  'service_documentation',
  'shipping_documentation',
  'uncategorized_file',
];

export type OpenDispute = DisputePlan & { amount?: number; dueIn?: number };

/** Disputes show every balance transaction in full. */
defineView('dispute', (world, record, shown) => {
  const ids = Array.isArray(record._transactions) ? record._transactions : [];
  const transactions = ids.map((id) =>
    typeof id === 'string' ? world.store.get('balance_transaction', id) : undefined,
  );
  return {
    ...shown,
    balance_transactions: transactions.flatMap((transaction) => (transaction ? [present(world, transaction)] : [])),
  };
});

export function openDispute(world: World, chargeId: string, plan: OpenDispute): Dispute {
  const charge = ensureBooked(world, world.find('charge', chargeId, 'charge'));
  if (charge.status !== 'succeeded' || !charge.captured) {
    throw invalid(`Charge ${charge.id} cannot be disputed: it did not succeed.`);
  }
  if (charge.disputed && !plan.inquiry) {
    const open = world.store
      .by('dispute', 'charge', charge.id)
      .some((dispute) => !dispute.status.startsWith('warning'));
    if (open) throw invalid(`Charge ${charge.id} has been charged back already.`, { code: 'charge_disputed' });
  }
  const due = plan.dueIn === undefined ? null : world.now + plan.dueIn;
  const endOfDay = (Math.floor(world.now / DAY_SECONDS) + RESPOND_DAYS + 1) * DAY_SECONDS - 1;
  const details = object(charge.payment_method_details);
  const card = object(details.card);
  const dispute = world.store.put('dispute', {
    id: world.id('du'),
    object: 'dispute',
    _account: world.account,
    amount: plan.amount ?? charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created: world.now,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { ...Object.fromEntries(EVIDENCE.map((field) => [field, null])), enhanced_evidence: {} },
    evidence_details: {
      due_by: due ?? endOfDay,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: plan.inquiry ?? false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    ...(details.type === 'card'
      ? {
          payment_method_details: {
            card: {
              brand: card.brand,
              case_type: plan.inquiry ? 'inquiry' : 'chargeback',
              network: card.network,
              network_reason_code: plan.reason === 'fraudulent' ? '83' : '13.1',
            },
            type: 'card',
          },
        }
      : {}),
    reason: plan.reason,
    status: plan.inquiry ? 'warning_needs_response' : 'needs_response',
    _transactions: [],
  });
  world.schedule('dispute.due', dispute.id, due ?? endOfDay);
  const marked = world.store.patch('charge', charge.id, { disputed: true });
  if (plan.inquiry) {
    world.emit('charge.dispute.created', dispute);
    return dispute;
  }
  const withdrawn = withdraw(world, dispute, marked);
  world.emit('charge.dispute.created', withdrawn);
  world.emit('charge.dispute.funds_withdrawn', withdrawn);
  closeReviewsOf(world, charge.id, 'disputed');
  warningsHandled(world, charge.id);
  failPendingRefunds(world, charge.id);
  return withdrawn;
}

/** The platform loses the disputed amount, at the day's rate, and the fee; its transfers stay where they are. */
function withdraw(world: World, dispute: Dispute, charge: Charge): Dispute {
  const settled = settlementCurrency(dispute.currency);
  const rate = exchangeRate(dispute.currency, settled, world.now);
  const source = charge.balance_transaction
    ? world.store.get('balance_transaction', charge.balance_transaction)
    : undefined;
  const transaction = book(world, {
    type: 'adjustment',
    category: 'dispute',
    amount: -convert(dispute.amount, rate),
    fee: disputeFee(settled),
    feeDescription: 'Dispute fee',
    currency: settled,
    source: dispute.id,
    description: `Chargeback withdrawal for ${charge.id}`,
    availableOn: source?.available_on,
    rate,
  });
  return world.store.patch('dispute', dispute.id, { _transactions: [transaction.id] });
}

/** A win gives back exactly what was withdrawn, fee included, as recorded test-mode disputes do. */
function reinstate(world: World, dispute: Dispute): Dispute {
  const first = dispute._transactions[0];
  const withdrawal = first ? world.store.get('balance_transaction', first) : undefined;
  if (!withdrawal) return dispute;
  const transaction = book(world, {
    type: 'adjustment',
    category: 'dispute_reversal',
    amount: -withdrawal.amount,
    fee: -withdrawal.fee,
    feeDescription: 'Dispute fee refund',
    currency: withdrawal.currency,
    source: dispute.id,
    description: `Chargeback reversal for ${dispute.charge}`,
    availableOn: withdrawal.available_on,
    rate: withdrawal.exchange_rate,
  });
  balanceGrew(world, dispute._account, withdrawal.currency);
  return world.store.patch('dispute', dispute.id, { _transactions: [...dispute._transactions, transaction.id] });
}

export function isOpen(dispute: Dispute): boolean {
  return ['needs_response', 'under_review', 'warning_needs_response', 'warning_under_review'].includes(dispute.status);
}

export function decide(world: World, id: string, result: 'won' | 'lost' | 'warning_closed'): Dispute {
  const dispute = world.store.get('dispute', id);
  if (!dispute || !isOpen(dispute)) throw invalid(`Dispute ${id} is already closed.`);
  return world.as(dispute._account, () => {
    const decided = world.store.patch('dispute', id, {
      status: result,
      is_charge_refundable: result !== 'lost',
      evidence_details: { ...dispute.evidence_details, past_due: false },
    });
    const after = result === 'won' ? reinstate(world, decided) : decided;
    world.emit('charge.dispute.updated', after, { status: dispute.status });
    if (result === 'won') world.emit('charge.dispute.funds_reinstated', after);
    world.emit('charge.dispute.closed', after);
    return after;
  });
}

/** What the network never decides here by itself: appeals, decisions taken back, a part given back, a word of tomorrow. */
export interface BankWord {
  status: string;
  /** Minor units, settlement currency. */
  giveBack?: number;
  withdraw?: number;
  /** Taken for the dispute or for countering it; below zero: given back. */
  fee?: number;
}

export function bankSays(world: World, id: string, word: BankWord): Dispute {
  const dispute = world.find('dispute', id, 'dispute');
  return world.as(dispute._account, () => {
    let after = world.store.patch('dispute', id, {
      status: word.status,
      is_charge_refundable: ['won', 'prevented', 'warning_closed'].includes(word.status),
    });
    const settled = settlementCurrency(dispute.currency);
    const money = (amount: number, category: string, fee = 0) => {
      const transaction = book(world, {
        type: 'adjustment',
        category,
        amount,
        fee,
        ...(fee === 0 ? {} : { feeDescription: fee > 0 ? 'Dispute fee' : 'Dispute fee refund' }),
        currency: settled,
        source: dispute.id,
        description: `${amount < 0 ? 'Chargeback withdrawal' : 'Chargeback reversal'} for ${dispute.charge}`,
        availableOn: world.now,
        rate: exchangeRate(dispute.currency, settled, world.now),
      });
      after = world.store.patch('dispute', id, { _transactions: [...after._transactions, transaction.id] });
    };
    if (word.withdraw !== undefined) money(-word.withdraw, 'dispute');
    if (word.giveBack !== undefined) money(word.giveBack, 'dispute_reversal');
    if (word.fee !== undefined) money(0, word.fee > 0 ? 'dispute' : 'dispute_reversal', word.fee);
    if (word.giveBack !== undefined) balanceGrew(world, dispute._account, settled);
    world.emit('charge.dispute.updated', after, { status: dispute.status });
    if (word.withdraw !== undefined) world.emit('charge.dispute.funds_withdrawn', after);
    if (word.giveBack !== undefined) world.emit('charge.dispute.funds_reinstated', after);
    if (['won', 'lost', 'prevented', 'warning_closed'].includes(word.status))
      world.emit('charge.dispute.closed', after);
    return after;
  });
}

/** The deadline: an inquiry lapses, a chargeback without evidence is lost, staged evidence is sent as it stands. */
export function disputeDue(world: World, id: string): void {
  const dispute = world.store.get('dispute', id);
  if (!dispute) return;
  if (dispute.status === 'warning_needs_response') {
    decide(world, id, 'warning_closed');
  } else if (dispute.status === 'needs_response') {
    if (dispute.evidence_details.has_evidence === true) submit(world, dispute);
    else decide(world, id, 'lost');
  }
}

export function disputeDecision(world: World, id: string): void {
  const dispute = world.store.get('dispute', id);
  if (!dispute || !isOpen(dispute)) return;
  if (dispute.status.startsWith('warning')) {
    decide(world, id, 'warning_closed');
    return;
  }
  decide(world, id, magic(dispute) === 'winning_evidence' ? 'won' : 'lost');
}

function magic(dispute: Dispute): string | null {
  const words = text(dispute.evidence.uncategorized_text)?.trim() ?? null;
  return words === 'winning_evidence' || words === 'losing_evidence' ? words : null;
}

function submit(world: World, dispute: Dispute): Dispute {
  const inquiry = dispute.status.startsWith('warning');
  const after = world.store.patch('dispute', dispute.id, {
    status: inquiry ? 'warning_under_review' : 'under_review',
    evidence_details: {
      ...dispute.evidence_details,
      submission_count: Number(dispute.evidence_details.submission_count) + 1,
      submission_method: 'manual',
    },
  });
  const seconds = magic(dispute) === null ? DECIDE_DAYS * DAY_SECONDS : 1;
  world.schedule('dispute.decision', dispute.id, world.now + seconds);
  return after;
}

function checkEvidence(world: World, evidence: JsonObject): void {
  let length = 0;
  for (const [field, value] of Object.entries(evidence)) {
    if (typeof value !== 'string') continue;
    if (FILES.includes(field)) world.find('file', value, 'file upload', `evidence[${field}]`);
    else length += value.length;
  }
  if (length > MOST_TEXT) {
    throw invalid(`The combined length of the evidence's text must be at most ${MOST_TEXT} characters.`, {
      param: 'evidence',
    });
  }
}

const EVIDENCE_SPEC: Spec = {
  ...Object.fromEntries(EVIDENCE.map((field) => [field, str({ unset: true })])),
  appeal: free(),
  enhanced_evidence: free(),
};

export const disputeRoutes: Route[] = [
  get('/v1/disputes', { ...LIST, ...CREATED, charge: str(), payment_intent: str() }, ({ world, params }) =>
    page(world, {
      table: 'dispute',
      url: '/v1/disputes',
      params,
      where: { charge: params.charge, payment_intent: params.payment_intent },
    }),
  ),
  get('/v1/disputes/:id', NONE, ({ world, path }) => world.find('dispute', path('id'), 'dispute')),
  post(
    '/v1/disputes/:id',
    {
      evidence: hash(EVIDENCE_SPEC, { unset: true }),
      intended_submission_method: oneOf(['manual', 'prefer_manual', 'prefer_smart_disputes', 'smart_disputes']),
      metadata,
      submit: bool(),
      expand,
    },
    ({ world, path, params }) => {
      const dispute = world.find('dispute', path('id'), 'dispute');
      const merged = mergeMetadata(dispute.metadata, params.metadata);
      if (params.evidence === undefined && params.submit !== true) {
        const noted = world.store.patch('dispute', dispute.id, { metadata: merged });
        world.emitUpdate('charge.dispute.updated', dispute, noted);
        return noted;
      }
      if (!isOpen(dispute)) {
        throw invalid('This dispute is already closed.', { code: 'dispute_closed' });
      }
      if (Number(dispute.evidence_details.submission_count) > 0) {
        throw invalid('This dispute already has evidence submitted, and it can be submitted only once.');
      }
      const given = object(params.evidence);
      checkEvidence(world, given);
      const evidence: { [key: string]: Json | undefined } = { ...dispute.evidence, ...given };
      const staged = world.store.patch('dispute', dispute.id, {
        evidence,
        metadata: merged,
        evidence_details: {
          ...dispute.evidence_details,
          has_evidence: EVIDENCE.some((field) => evidence[field] !== null && evidence[field] !== undefined),
        },
      });
      const after = params.submit === false ? staged : submit(world, staged);
      world.emitUpdate('charge.dispute.updated', dispute, after);
      return after;
    },
  ),
  post('/v1/disputes/:id/close', NONE, ({ world, path }) => {
    const dispute = world.find('dispute', path('id'), 'dispute');
    if (!['needs_response', 'warning_needs_response'].includes(dispute.status)) {
      throw invalid(`This dispute cannot be closed: its status is ${dispute.status}.`);
    }
    return decide(world, dispute.id, dispute.status.startsWith('warning') ? 'warning_closed' : 'lost');
  }),
];
