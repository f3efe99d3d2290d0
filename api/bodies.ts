// Bodies of requests as strict zod schemas: what is not named here is refused, never ignored.
import { z } from 'zod';

const text = (max: number) => z.string().trim().min(1, 'must not be empty').max(max, `takes at most ${max} characters`);
/** Sign and size are the rules' to judge, currency by currency. */
const amount = z.int('takes a whole number of minor units, such as 12345 for USD 123.45');
const period = z.string().describe('ISO 8601, such as P14D or PT2S.');
const instant = z.string().describe('ISO 8601 instant.');
export const hash = z.string().regex(/^[0-9a-f]{64}$/, 'takes a SHA-256 as 64 lower-case hex digits');

export const empty = z.strictObject({});

export const metadata = z
  .record(
    z.string().min(1).max(40, 'keys have at most 40 characters'),
    z.string().max(500, 'texts have at most 500 characters'),
  )
  .refine((entries) => Object.keys(entries).length <= 50, 'takes at most 50 keys');

const policy = z.strictObject({
  agree: period.optional(),
  fund: period.optional(),
  sca: period.optional(),
  overdue: period.optional(),
  confirm: period.optional(),
  amend: period.optional(),
  reply: period.optional(),
  negotiate: period.optional(),
  ruling: period.optional(),
  appeal: period.optional(),
  evidence: period.optional(),
  top_up: period.optional(),
  kyc_nudge: period.optional(),
  fraud: period.optional(),
  remind: z.array(z.number()).optional().describe('Fractions of the inspection period, rising.'),
  max_rounds: z.int().optional(),
  fee_return: z.enum(['full', 'none']).optional(),
  chargeback_loss: z.enum(['seller', 'platform']).optional(),
  dispute_fee: z
    .enum(['seller', 'platform'])
    .optional()
    .describe('Who bears Stripe’s fees for a chargeback that is lost; the platform unless said otherwise.'),
  clawback: z
    .enum(['at_loss', 'at_opening'])
    .optional()
    .describe(
      'When released money is taken back over a chargeback: once it is lost, unless said otherwise; at_opening: held while the bank decides, paid again when it is won.',
    ),
});

const milestone = z.strictObject({
  title: text(200),
  amount,
  seller_id: z.string(),
  starts_at: instant.optional(),
  due_at: instant.optional(),
  inspection_period: period.optional().describe('ISO 8601; P14D unless said otherwise.'),
});

/** What is left out of a milestone with an id stays as agreed. */
export const amendment = z.strictObject({
  title: text(200).optional(),
  milestones: z
    .array(
      milestone
        .partial()
        .extend({ id: z.string().optional().describe('A milestone that exists; a new one has none.') }),
    )
    .max(500),
});

export const proposal = z
  .strictObject({
    title: text(200),
    currency: z.string().describe('Lower-case ISO 4217.'),
    vertical: z.string().default('general').describe('Decides the fee.'),
    buyer_id: z.string().optional().describe('A seller who proposes names the buyer; a buyer is the buyer.'),
    funding: z.enum(['upfront', 'per_milestone'], 'takes "upfront" or "per_milestone"'),
    fee_payer: z.enum(['seller', 'buyer', 'shared'], 'takes "seller", "buyer" or "shared"').default('seller'),
    milestones: z.array(milestone).max(500),
    policy: policy.optional(),
    external_id: text(200).optional(),
    metadata: metadata.optional(),
  })
  .meta({ id: 'EscrowProposal' });
export type ProposalBody = z.output<typeof proposal>;

export const agree = z.strictObject({ terms_hash: hash.optional() });
export const fund = z
  .strictObject({
    milestone_ids: z.array(z.string()).min(1, 'names at least one milestone, or is left out').max(50).optional(),
    payment_method: text(200).optional().describe('Test methods such as pm_card_visa in the sandbox and in test mode.'),
    return_url: z
      .url('takes a URL')
      .optional()
      .describe('Where the buyer comes back to; `{payment_id}` in it is filled in.'),
    checkout: z
      .boolean('takes true or false')
      .optional()
      .describe('True: the buyer pays on Stripe’s own page, which needs no scripts here; it takes `return_url` beside it, and `url` of the answer is that page. An open payment of another way is cancelled first. Left out: the way that is open already.'), // prettier-ignore
  })
  .refine((b) => b.checkout !== true || b.return_url !== undefined, {
    path: ['return_url'],
    error: 'names where the buyer comes back to from Stripe’s page',
  })
  .refine((b) => b.checkout !== true || b.payment_method === undefined, {
    path: ['payment_method'],
    error: 'is chosen on Stripe’s page when checkout is true',
  });
export const cancel = z.strictObject({ reason: text(500).optional() });
const fileIds = z
  .array(z.string())
  .max(10, 'takes at most 10 files')
  .optional()
  .describe('Of uploads by POST /v1/files for this escrow.');
export const submit = z.strictObject({
  note: text(5000).optional(),
  deliverable_sha256: hash
    .optional()
    .describe('Of what is delivered elsewhere. With `file_ids` it follows from them: one file’s own, of several that of the list that `sha256sum` prints, sorted by name.'), // prettier-ignore
  file_ids: fileIds,
});
export const accept = z.strictObject({ amount: amount.optional().describe('A part; the whole rest when left out.') });
export const requestChanges = z.strictObject({ note: text(5000) });
export const extend = z.strictObject({
  until: z.iso.datetime({ offset: true, error: 'takes an ISO 8601 instant, such as 2027-03-01T12:00:00Z' }).optional(),
});
export const refund = z.strictObject({ amount: amount.optional(), reason: text(500) });
export const dispute = z.strictObject({
  reason: text(5000),
  claim: z
    .strictObject({ amount })
    .optional()
    .describe('What the claimant wants for themself; all that is left when it is absent.'),
  file_ids: fileIds,
});
export const reply = z.strictObject({ message: text(5000), file_ids: fileIds });
const sellerAmount = amount.describe('What the seller gets, minor units; the buyer gets the rest.');
export const offer = z.strictObject({ seller_amount: sellerAmount });
export const rule = z.strictObject({ seller_amount: sellerAmount, reason: text(5000) });
export const freeze = z.strictObject({
  scope: z.enum(['escrow', 'milestone'], 'takes "escrow" or "milestone"').default('escrow'),
  milestone_id: z.string().optional().describe('With scope "milestone".'),
  reason: text(500),
});
export const unfreeze = freeze.omit({ reason: true });

export const decision = z.strictObject({
  params_hash: hash.optional().describe('Of the approval as you read it; another one is refused.'),
});
export const forceDecision = z.strictObject({
  milestone_id: z.string(),
  decision: z.enum(['refund', 'release'], 'takes "refund" or "release"'),
  reason: text(500),
});
export const refundByBank = z.strictObject({
  milestone_id: z.string(),
  amount: z.int().min(1).describe('The principal that the transfer settles, minor units: the refund that waits for it, else what is open of the milestone. All of it, so that nobody decides over another amount than they read.'),
  reference: text(200).describe('Of the bank transfer to the buyer.'),
  reason: text(500),
}); // prettier-ignore
export const releaseByHand = z.strictObject({ milestone_id: z.string(), reason: text(500) });
export const writeOff = z.strictObject({ reason: text(500) });
export const payoutSchedule = z.strictObject({
  interval: z.enum(['manual', 'daily', 'weekly', 'monthly'], 'takes "manual", "daily", "weekly" or "monthly"'),
  weekly_anchor: z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday']).optional(),
  monthly_anchor: z.int().min(1).max(31).optional(),
});

export const newSeller = z.strictObject({
  email: z.email('takes an e-mail address').max(254),
  country: z.string().regex(/^[A-Z]{2}$/, 'takes an ISO 3166 country code such as US'),
  name: text(100).optional(),
});
export const onboardingLink = z.strictObject({
  return_url: z.url('takes a URL').optional(),
  refresh_url: z.url('takes a URL').optional(),
});

export const page = z.strictObject({
  starting_after: z.string().optional().describe('The last id of the page before.'),
  limit: z.coerce
    .number('takes a number from 1 to 100')
    .int('takes a whole number')
    .min(1, 'takes a number from 1 to 100')
    .max(100, 'takes a number from 1 to 100')
    .default(20),
});
