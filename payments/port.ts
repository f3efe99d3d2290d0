// What the product asks of a payment processor, in its own words. One implementation: payments/stripe.ts.
import type { BalanceTransaction } from '../domain/postings.ts';
import type { StripeJournal } from './journal.ts';

/** Our own ids on a Stripe object: how a webhook finds its escrow, and how a lost answer is looked up. */
export type Metadata = Record<string, string>;

/** Stripe's enums are open: a status that is not known here is 'unknown', and goes to a person. */
export type IntentStatus = (typeof INTENT_STATUSES)[number] | 'unknown';
export const INTENT_STATUSES = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'canceled',
  'succeeded',
] as const;

export type RefundStatus = (typeof REFUND_STATUSES)[number] | 'unknown';
export const REFUND_STATUSES = ['pending', 'requires_action', 'succeeded', 'failed', 'canceled'] as const;

export interface ChargeFacts {
  id: string;
  status: string;
  capturedMinor: bigint;
  currency: string;
  balanceTransaction: BalanceTransaction | null;
  /** Stripe's own mark of the card or bank account that paid; null of methods that have none (iDEAL). */
  paidWith?: { method: 'card' | 'bank'; fingerprint: string } | null;
}

export interface PaymentIntentFacts {
  id: string;
  status: IntentStatus;
  /** Stripe's own word. */
  rawStatus: string;
  amountMinor: bigint;
  currency: string;
  metadata: Metadata;
  clientSecret: string | null;
  /** Where the buyer authenticates, when the bank asks for it. */
  actionUrl: string | null;
  methodType: string | null;
  charge: ChargeFacts | null;
  lastError: { code: string; declineCode: string | null; message: string } | null;
}

export const SESSION_STATUSES = ['open', 'complete', 'expired'] as const;

/** A payment on Stripe's own page. */
export interface CheckoutSessionFacts {
  id: string;
  status: (typeof SESSION_STATUSES)[number] | 'unknown';
  /** Stripe's own word. */
  rawStatus: string;
  /** Where the buyer pays; null once it is over. */
  url: string | null;
  /** Made when the buyer confirms. */
  paymentIntentId: string | null;
  metadata: Metadata;
}

export interface TransferFacts {
  id: string;
  amountMinor: bigint;
  currency: string;
  destination: string | null;
  reversedMinor: bigint;
  metadata: Metadata;
  balanceTransaction: BalanceTransaction | null;
}

export interface TransferReversalFacts {
  id: string;
  transferId: string;
  amountMinor: bigint;
  currency: string;
  metadata: Metadata;
  balanceTransaction: BalanceTransaction | null;
}

export interface BalanceSettingsFacts {
  /** Stripe's own word: daily, weekly, monthly, manual, or one that this version does not know. */
  interval: string | null;
  payoutStatus: string;
  /** Kept back by automatic payouts, per currency. */
  minimumBalances: Record<string, bigint>;
}

export interface RefundFacts {
  id: string;
  status: RefundStatus;
  /** Stripe's own word. */
  rawStatus: string;
  amountMinor: bigint;
  currency: string;
  chargeId: string | null;
  paymentIntentId: string | null;
  metadata: Metadata;
  failureReason: string | null;
  balanceTransaction: BalanceTransaction | null;
  /** Present when a refund failed after its money had left. */
  failureBalanceTransaction: BalanceTransaction | null;
}

/** Fields of evidence that take one uploaded file each. */
export const EVIDENCE_FILE_FIELDS = [
  'customer_communication',
  'service_documentation',
  'receipt',
  'customer_signature',
  'refund_policy',
  'cancellation_policy',
  'uncategorized_file',
] as const;
export type EvidenceFileField = (typeof EVIDENCE_FILE_FIELDS)[number];

/** Fields of evidence that the product fills: text, or the id of a file at Stripe. */
export type DisputeEvidence = Partial<
  Record<
    | 'product_description'
    | 'access_activity_log'
    | 'refund_policy_disclosure'
    | 'uncategorized_text'
    | EvidenceFileField,
    string
  >
>;

export interface DisputeFacts {
  id: string;
  chargeId: string;
  /** Stripe's own word: its enum is open. */
  status: string;
  reason: string;
  amountMinor: bigint;
  currency: string;
  /** Milliseconds. */
  dueAt: number | null;
  createdAt: number;
  /** How often evidence was submitted; the network takes one. */
  submissions: number;
  metadata: Metadata;
  /** Withdrawn, given back, fees. */
  balanceTransactions: BalanceTransaction[];
}

/** A charge that succeeded and failed afterwards, such as a bank debit that the bank returns. */
export interface FailedChargeFacts {
  id: string;
  /** Stripe's own word. */
  status: string;
  amountMinor: bigint;
  currency: string;
  metadata: Metadata;
  failureCode: string | null;
  /** How the money left again; null of a charge that never brought any. */
  failureBalanceTransaction: BalanceTransaction | null;
}

export interface FraudWarningFacts {
  id: string;
  chargeId: string;
  actionable: boolean;
}

export interface PayoutFacts {
  id: string;
  amountMinor: bigint;
  currency: string;
  /** Stripe's own word. */
  status: string;
  failureCode: string | null;
  failureMessage: string | null;
  /** Milliseconds. */
  arrivesAt: number;
  createdAt: number;
}

/** A movement on a connected account's balance. */
export interface PayoutTransaction extends BalanceTransaction {
  /** The platform's transfer that brought it, where one did. */
  transferId: string | null;
}

export type TransfersCapability = 'active' | 'pending' | 'inactive';

export interface AccountFacts {
  id: string;
  country: string;
  transfers: TransfersCapability;
  requirements: string[];
  metadata: Metadata;
}

/** When Stripe pays a seller's balance out to their bank. */
export interface PayoutSchedule {
  interval: 'manual' | 'daily' | 'weekly' | 'monthly';
  weeklyAnchor?: 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | undefined;
  monthlyAnchor?: number | undefined;
}

export interface WebhookEvent {
  id: string;
  type: string;
  account: string | null;
  livemode: boolean;
  apiVersion: string | null;
  objectId: string | null;
}

export interface CreatePaymentIntent {
  amountMinor: bigint;
  currency: string;
  transferGroup: string;
  metadata: Metadata;
  /** With a method the PaymentIntent is confirmed at once; without one the buyer confirms it on a page. */
  paymentMethod?: string | undefined;
  returnUrl: string;
}

export interface CreateCheckoutSession extends Pick<CreatePaymentIntent, 'amountMinor' | 'currency' | 'transferGroup' | 'metadata'> {
  /** What the buyer reads that they pay for. */
  title: string;
  /** Where Stripe sends the buyer who has paid, and who has not. */
  returnUrl: string;
  cancelUrl: string;
} // prettier-ignore

export interface CreateTransfer {
  amountMinor: bigint;
  currency: string;
  destination: string;
  /** A charge id, never a PaymentIntent's. Absent: out of the platform's available balance. */
  sourceTransaction?: string | undefined;
  transferGroup: string;
  metadata: Metadata;
}

export interface CreateRefund {
  paymentIntentId: string;
  amountMinor: bigint;
  metadata: Metadata;
}

export interface CurrencyBalance {
  currency: string;
  availableMinor: bigint;
  pendingMinor: bigint;
}

/** Every call may throw PaymentsError. Each write takes our own idempotency key: the SDK's default is random per call. */
export interface Payments {
  /** In which this installation reads Stripe's objects. */
  readonly apiVersion: string;
  /** Stripe's own books, for reconciliation. */
  readonly journal: StripeJournal;
  createPaymentIntent(input: CreatePaymentIntent, key: string): Promise<PaymentIntentFacts>;
  confirmPaymentIntent(id: string, input: { paymentMethod: string; returnUrl: string }, key: string): Promise<PaymentIntentFacts>; // prettier-ignore
  cancelPaymentIntent(id: string, key: string): Promise<PaymentIntentFacts>;
  retrievePaymentIntent(id: string): Promise<PaymentIntentFacts>;
  /** Looks a PaymentIntent up by our payment id, for an answer that was lost. */
  findPaymentIntent(paymentId: string, createdAfter: Date): Promise<PaymentIntentFacts | null>;

  /** Its PaymentIntent carries the same metadata and transfer group as one of `createPaymentIntent`. */
  createCheckoutSession(input: CreateCheckoutSession, key: string): Promise<CheckoutSessionFacts>;
  /** Also ends its PaymentIntent, which is cancelled in no other way. */
  expireCheckoutSession(id: string, key: string): Promise<CheckoutSessionFacts>;
  retrieveCheckoutSession(id: string): Promise<CheckoutSessionFacts>;
  /** Looks a session up by our payment id, for an answer that was lost. */
  findCheckoutSession(paymentId: string, createdAfter: Date): Promise<CheckoutSessionFacts | null>;

  createTransfer(input: CreateTransfer, key: string): Promise<TransferFacts>;
  retrieveTransfer(id: string): Promise<TransferFacts>;
  listTransfers(transferGroup: string): Promise<TransferFacts[]>;

  createTransferReversal(transferId: string, input: { amountMinor: bigint; metadata: Metadata }, key: string): Promise<TransferReversalFacts>; // prettier-ignore
  listTransferReversals(transferId: string): Promise<TransferReversalFacts[]>;
  /** What a connected account has, per currency: a reversal takes no more. */
  retrieveConnectedBalance(accountId: string): Promise<CurrencyBalance[]>;

  createRefund(input: CreateRefund, key: string): Promise<RefundFacts>;
  retrieveRefund(id: string): Promise<RefundFacts>;
  listRefunds(paymentIntentId: string): Promise<RefundFacts[]>;

  retrieveDispute(id: string): Promise<DisputeFacts>;
  /** Stages evidence, or with `submit` sends it: once, for good. */
  updateDispute(id: string, input: { evidence: DisputeEvidence; submit: boolean }, key: string): Promise<DisputeFacts>;
  /** Uploads a file as evidence. */
  createEvidenceFile(file: { name: string; mediaType: string; content: Buffer }, key: string): Promise<{ id: string }>;
  /** Accepts the loss; irreversible. */
  closeDispute(id: string, key: string): Promise<DisputeFacts>;
  /** A charge with what became of it when it failed. */
  retrieveFailedCharge(id: string): Promise<FailedChargeFacts>;
  retrieveFraudWarning(id: string): Promise<FraudWarningFacts>;

  createSellerAccount(input: { email: string; country: string; sellerId: string; name: string }, key: string): Promise<AccountFacts>; // prettier-ignore
  retrieveAccount(id: string): Promise<AccountFacts>;
  /** Fingerprints of the bank accounts and debit cards that a connected account is paid out to. */
  externalAccounts(accountId: string): Promise<string[]>;
  /** A payout of a connected account. */
  retrievePayout(id: string, accountId: string): Promise<PayoutFacts>;
  /** What an automatic payout is made of, newest first; one that was asked for by hand has nothing. */
  listPayoutTransactions(id: string, accountId: string): Promise<PayoutTransaction[]>;
  createOnboardingLink(accountId: string, urls: { refreshUrl: string; returnUrl: string }): Promise<{ url: string; expiresAt: Date }>; // prettier-ignore

  updatePayoutSchedule(accountId: string, schedule: PayoutSchedule, key: string): Promise<void>;

  createTopUp(amountMinor: bigint, currency: string, key: string): Promise<{ id: string; balanceTransaction: BalanceTransaction | null }>; // prettier-ignore
  /** Every balance transaction of the platform, oldest last, streamed page by page. */
  listBalanceTransactions(): AsyncIterable<BalanceTransaction>;
  /** When the platform's own balance is paid out, and what is kept back. */
  balanceSettings(): Promise<BalanceSettingsFacts>;
  /** From now on the platform's balance is paid out by hand alone. */
  stopPlatformPayouts(key: string): Promise<BalanceSettingsFacts>;
  /** The platform's balance per currency, pending and available. */
  balance(): Promise<CurrencyBalance[]>;

  /** Events that no endpoint answered, for the sweep, newest first, behind that of id `after`. Bodies are as a webhook would have carried them. */
  listUndeliveredEvents(since: Date, after?: string): AsyncIterable<WebhookEvent & { body: string }>;
  /** @throws PaymentsError `signature_invalid` */
  verifyWebhook(rawBody: Buffer, signature: string | undefined): WebhookEvent;
}
