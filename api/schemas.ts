// The objects of the API as zod schemas: they describe answers in the OpenAPI document and type the views.
import { z } from 'zod';
import { WAIT_KINDS } from '../domain/waiting.ts';

export const money = z
  .object({ amount: z.int().describe('Minor units of the currency.'), currency: z.string() })
  .meta({ id: 'Money', description: 'An amount in minor units, such as 12345 usd for USD 123.45.' });

const instant = z.iso.datetime();
export const id = (prefix: string, of: string) => z.string().describe(`Id of ${of} (${prefix}_…).`);

export const waiting = z
  .object({
    kind: z.enum(WAIT_KINDS).describe('What is waited for, as a name.'),
    who: z.enum(['buyer', 'seller', 'buyer_and_seller', 'ops', 'stripe', 'platform', 'nobody']),
    what: z.string(),
    until: instant.nullable().describe('When its time ends; null where no timer runs.'),
    otherwise: z.string().nullable().describe('What happens then.'),
    milestone_id: z.string().nullable(),
  })
  .meta({ id: 'WaitingFor', description: 'Who acts next, what they do, by when, and what happens otherwise.' });

const cancelRequest = z.object({
  by: z.string(),
  role: z.string(),
  reason: z.string(),
  at: instant,
  expires_at: instant,
});

const freeze = z.object({
  reason: z.string(),
  scope: z.string(),
  subject: z.string(),
  detail: z.string(),
  since: instant,
});

const release = z.object({
  part: z.int(),
  amount: money.describe('Of the milestone, in the currency of the terms.'),
  payable: money.describe('What the seller gets: less the seller’s fee, in the settlement currency.'),
  status: z.string(),
  transfer_id: z.string().nullable(),
  automatic: z.boolean(),
});

const refundPart = z.object({
  id: z.string(),
  amount: money,
  status: z.string().describe('needs_bank: Stripe can make it no more, and two of ops pay it by bank transfer.'),
  reason: z.string(),
});

export const milestone = z
  .object({
    id: id('ms', 'the milestone'),
    title: z.string(),
    seller_id: z.string(),
    amount: money,
    status: z.string(),
    released: money.describe('Transferred to the seller, in the settlement currency.'),
    refunded: money.describe('Given back to the buyer or on its way, in the settlement currency.'),
    accepted: money.describe('Accepted or let pass, in the currency of the terms.'),
    open: money.describe('Neither accepted nor refunded, in the currency of the terms.'),
    buyer_fee: money,
    seller_fee: money,
    starts_at: instant.nullable(),
    due_at: instant.nullable(),
    fund_by: instant.nullable(),
    started_at: instant.nullable(),
    submitted_at: instant.nullable(),
    inspection_period: z.string().describe('ISO 8601.'),
    inspection_ends_at: instant
      .nullable()
      .describe('When the money goes to the seller by itself; null where it stands still.'),
    inspection_extended: z.boolean(),
    note: z.string().nullable(),
    deliverable_sha256: z.string().nullable(),
    changes_note: z.string().nullable(),
    rounds: z.int(),
    frozen: z.array(z.string()),
    refund_request: cancelRequest.extend({ amount: money }).nullable(),
    releases: z.array(release),
    refunds: z.array(refundPart),
    waiting_for: waiting,
    available_actions: z.array(z.string()),
  })
  .meta({ id: 'Milestone' });

export const moneyTerms = z
  .object({
    charged: money,
    owed: money,
    absorbed: money,
    held: money,
    released: money,
    refunded: money,
    charged_back: money,
    fees: money,
    tax: money,
    disputed: money,
  })
  .meta({
    id: 'MoneyOfEscrow',
    description:
      'Each term is its own query of the ledger, in the settlement currency. At every moment charged + owed + absorbed = held + released + refunded + charged_back + fees + tax; disputed is a memo.',
  });

const amendment = z.object({
  id: id('amd', 'the amendment'),
  proposed_by: z.string(),
  terms_hash: z.string(),
  terms_version: z.int(),
  signed_by: z.array(z.string()),
  expires_at: instant,
  total: money,
  milestones: z.array(
    z.object({ id: z.string(), title: z.string(), seller_id: z.string(), amount: money, due_at: instant.nullable() }),
  ),
});

export const escrow = z
  .object({
    id: id('esc', 'the escrow'),
    object: z.literal('escrow'),
    title: z.string(),
    status: z.string(),
    frozen: z.array(z.string()),
    freezes: z.array(freeze),
    currency: z.string(),
    settlement_currency: z.string().nullable(),
    vertical: z.string(),
    funding: z.enum(['upfront', 'per_milestone']),
    fee_payer: z.enum(['seller', 'buyer', 'shared']),
    terms_hash: z.string(),
    terms_version: z.int(),
    buyer_id: z.string(),
    parties: z.array(z.object({ id: z.string(), name: z.string(), role: z.string(), agreed: z.boolean() })),
    agree_until: instant.nullable(),
    fund_until: instant.nullable(),
    quote: z
      .object({ total: money, buyer_fee: money, seller_fee: money, tax: money })
      .describe('What the buyer pays in all, and the fees in it.'),
    policy: z.object({
      fee_return: z.string(),
      loss: z.string(),
      dispute_fee: z.string(),
      clawback: z.string(),
      max_rounds: z.int(),
      remind: z.array(z.number()),
      periods: z.record(z.string(), z.string()),
    }),
    milestones: z.array(milestone),
    payments: z.array(
      z.object({
        id: z.string(),
        status: z.string(),
        amount: money,
        milestone_ids: z.array(z.string()),
        decline_code: z.string().nullable(),
        authenticate_until: instant.nullable(),
      }),
    ),
    money: moneyTerms,
    cancel_request: cancelRequest.nullable(),
    amendment: amendment.nullable().describe('New terms that wait for signatures.'),
    waiting_for: waiting,
    available_actions: z
      .array(z.string())
      .describe('What the caller may do now, on the escrow or on one of its milestones.'),
    transfer_group: z.string(),
    workflow_id: z.string(),
    workflow_url: z.string().optional().describe('In Temporal’s UI; for ops.'),
    revision: z.int(),
    external_id: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Escrow' });

export type EscrowView = z.infer<typeof escrow>;
export type MilestoneView = z.infer<typeof milestone>;

export const timelineEntry = z
  .object({
    id: z.string().describe('Its number in the timeline; numbers rise.'),
    at: instant,
    type: z.string(),
    actor: z.object({
      kind: z.string(),
      id: z.string().nullable(),
      role: z.string().nullable(),
      name: z.string().nullable(),
    }),
    milestone_id: z.string().nullable(),
    data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'TimelineEntry' });

const movement = {
  id: z.string(),
  status: z.string(),
  amount: money,
  settled: money.nullable().describe('What it took of the charge, in the settlement currency.'),
  milestone_id: z.string().nullable(),
  error: z.object({ code: z.string().nullable(), message: z.string().nullable() }).nullable(),
  created_at: instant,
  updated_at: instant,
};

export const payment = z
  .object({ ...movement, stripe_payment_intent_id: z.string().nullable(), stripe_charge_id: z.string().nullable() })
  .meta({ id: 'Payment' });
export const transfer = z
  .object({
    ...movement,
    seller_id: z.string().nullable(),
    part: z.int().nullable(),
    stripe_transfer_id: z.string().nullable(),
    stripe_charge_id: z.string().nullable(),
  })
  .meta({ id: 'Transfer' });
export const refund = z
  .object({
    ...movement,
    reason: z.string().nullable(),
    payment_id: z.string().nullable(),
    bank: z
      .object({
        reference: z.string().describe('Of the bank transfer.'),
        approval_id: z.string(),
        requested_by: z.string().nullable(),
        approved_by: z.string().nullable(),
      })
      .nullable()
      .describe(
        'Paid from the platform’s bank, by two of ops: Stripe knows nothing of it. A refund that waits for that has the status needs_bank.',
      ),
    stripe_refund_id: z.string().nullable(),
    stripe_charge_id: z.string().nullable(),
  })
  .meta({ id: 'Refund' });

export const explanation = z
  .object({
    object: z.literal('explanation'),
    escrow_id: z.string(),
    status: z.string(),
    summary: z.string(),
    waiting_for: waiting,
    milestones: z.array(
      z.object({ id: z.string(), title: z.string(), status: z.string(), summary: z.string(), waiting_for: waiting }),
    ),
  })
  .meta({ id: 'Explanation' });

export const seller = z
  .object({
    id: z.string(),
    object: z.literal('seller'),
    email: z.string(),
    country: z.string(),
    stripe_account_id: z.string(),
    transfers: z.enum(['active', 'pending', 'inactive']),
    status: z
      .enum(['onboarding', 'restricted', 'active', 'disabled', 'disconnected', 'in_debt'])
      .describe('in_debt: active, and owing money that is taken out of the next releases.'),
    debt: z.array(money).describe('What the seller owes the platform, per currency.'),
    requirements: z.array(z.string()),
    created_at: instant,
  })
  .meta({ id: 'Seller' });

export const sellerBalance = z
  .object({
    object: z.literal('seller_balance'),
    seller_id: z.string(),
    balances: z.array(
      z.object({
        currency: z.string(),
        held: money.describe('Held for work that is not accepted yet.'),
        payable: money.describe('Accepted, its transfer under way.'),
        on_hold: money,
        transferred: money,
        debt: money,
      }),
    ),
  })
  .meta({ id: 'SellerBalance' });

export const stripeEvent = z
  .object({
    id: z.string(),
    type: z.string(),
    state: z.enum(['received', 'done', 'ignored', 'parked', 'quarantined']),
    object_id: z.string().nullable(),
    account: z.string().nullable(),
    livemode: z.boolean(),
    api_version: z.string().nullable(),
    attempts: z.int(),
    next_try_at: instant,
    error: z.string().nullable(),
    escrow_id: z.string().nullable(),
    received_at: instant,
    done_at: instant.nullable(),
  })
  .meta({ id: 'StripeEvent' });

export const invariant = z
  .object({
    number: z.int(),
    name: z.string(),
    holds: z.boolean(),
    rows: z.array(z.record(z.string(), z.unknown())),
  })
  .meta({ id: 'Invariant' });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; the list stands in /docs/errors.'),
    detail: z.string(),
    param: z.string().optional(),
    available_actions: z.array(z.string()).optional(),
    decline_code: z.string().nullable().optional(),
    request_id: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

export const listOf = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item), has_more: z.boolean() });
