// The payments port over the unchanged `stripe` package. Nothing else in the product calls Stripe.
import { Stripe } from 'stripe';
import { excludedTypes } from '../domain/methods.ts';
import { PaymentsError, toPaymentsError } from './errors.ts';
import type { StripeObserver } from './metrics.ts';
import { stripeJournal } from './stripe-books.ts';
import { balanceTransaction, type Expanded, idOf } from './stripe-facts.ts';
import { INTENT_STATUSES, REFUND_STATUSES, SESSION_STATUSES } from './port.ts';
import type { AccountFacts, BalanceSettingsFacts, ChargeFacts, CheckoutSessionFacts, CurrencyBalance, DisputeFacts, Payments, PaymentIntentFacts, RefundFacts, TransferFacts, TransferReversalFacts, WebhookEvent } from './port.ts'; // prettier-ignore

export interface StripeOptions {
  secretKey: string;
  /** The sandbox's address, or a proxy's; absent = Stripe itself. */
  apiBase?: string | undefined;
  /** Several: platform, connected and thin endpoints, and rotation. */
  webhookSecrets: readonly string[];
}

/** Under the activities' 30 s, so that two attempts never overlap; the SDK's own retry is off. */
const TIMEOUT_MS = 12_000;
const WEBHOOK_TOLERANCE_S = 300;

const INTENT_EXPAND = ['latest_charge.balance_transaction'];
const REFUND_EXPAND = ['balance_transaction', 'failure_balance_transaction'];
const PAGE = 100;
const MOST_OF_A_PAYOUT = 1_000;

/** Opens the port. */
export function stripePayments(options: StripeOptions, observer?: StripeObserver): Payments {
  const stripe = client(options);
  stripe.on('response', ({ method, path, status, elapsed }: Stripe.ResponseEvent) =>
    observer?.answered({ method, path, status, elapsedMs: elapsed }),
  );
  const signatures = stripe.webhooks.signature;
  if (signatures === null) throw new Error('the stripe package offers no signature verification on this platform');
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      const failure = toPaymentsError(error);
      if (failure instanceof PaymentsError) observer?.failed(failure);
      throw failure;
    }
  };
  const recipient = (): 'configuration.recipient'[] => ['configuration.recipient'];

  return {
    apiVersion: Stripe.API_VERSION,
    journal: stripeJournal(stripe),
    createPaymentIntent: (input, key) =>
      guard(async () => {
        const intent = await stripe.paymentIntents.create(
          {
            amount: Number(input.amountMinor),
            currency: input.currency,
            transfer_group: input.transferGroup,
            metadata: input.metadata,
            automatic_payment_methods: { enabled: true },
            // The default (automatic_async) answers before there is a balance transaction; amounts come from that one.
            capture_method: 'automatic',
            ...(excludedTypes(input.currency).length === 0
              ? {}
              : {
                  excluded_payment_method_types: excludedTypes(
                    input.currency,
                  ) as Stripe.PaymentIntentCreateParams.ExcludedPaymentMethodType[],
                }),
            ...(input.paymentMethod === undefined
              ? {}
              : { confirm: true, payment_method: input.paymentMethod, return_url: input.returnUrl }),
            expand: INTENT_EXPAND,
          },
          { idempotencyKey: key },
        );
        return intentFacts(intent);
      }),
    confirmPaymentIntent: (id, input, key) =>
      guard(async () =>
        intentFacts(
          await stripe.paymentIntents.confirm(
            id,
            { payment_method: input.paymentMethod, return_url: input.returnUrl, expand: INTENT_EXPAND },
            { idempotencyKey: key },
          ),
        ),
      ),
    cancelPaymentIntent: (id, key) =>
      guard(async () =>
        intentFacts(await stripe.paymentIntents.cancel(id, { expand: INTENT_EXPAND }, { idempotencyKey: key })),
      ),
    retrievePaymentIntent: (id) =>
      guard(async () => intentFacts(await stripe.paymentIntents.retrieve(id, { expand: INTENT_EXPAND }))),
    findPaymentIntent: (paymentId, createdAfter) =>
      guard(async () => {
        const gte = Math.floor(createdAfter.getTime() / 1000) - 60;
        for await (const intent of stripe.paymentIntents.list({ created: { gte }, limit: PAGE })) {
          if (intent.metadata['payment_id'] === paymentId) {
            return intentFacts(await stripe.paymentIntents.retrieve(intent.id, { expand: INTENT_EXPAND }));
          }
        }
        return null;
      }),

    createCheckoutSession: (input, key) =>
      guard(async () =>
        sessionFacts(
          await stripe.checkout.sessions.create(
            {
              mode: 'payment',
              line_items: [
                {
                  quantity: 1,
                  price_data: {
                    currency: input.currency,
                    unit_amount: Number(input.amountMinor),
                    product_data: { name: input.title },
                  },
                },
              ],
              metadata: input.metadata,
              payment_intent_data: {
                capture_method: 'automatic',
                transfer_group: input.transferGroup,
                metadata: input.metadata,
              },
              ...(excludedTypes(input.currency).length === 0
                ? {}
                : {
                    excluded_payment_method_types: excludedTypes(
                      input.currency,
                    ) as Stripe.Checkout.SessionCreateParams.ExcludedPaymentMethodType[],
                  }),
              success_url: input.returnUrl,
              cancel_url: input.cancelUrl,
            },
            { idempotencyKey: key },
          ),
        ),
      ),
    expireCheckoutSession: (id, key) =>
      guard(async () => sessionFacts(await stripe.checkout.sessions.expire(id, {}, { idempotencyKey: key }))),
    retrieveCheckoutSession: (id) => guard(async () => sessionFacts(await stripe.checkout.sessions.retrieve(id))),
    findCheckoutSession: (paymentId, createdAfter) =>
      guard(async () => {
        const gte = Math.floor(createdAfter.getTime() / 1000) - 60;
        for await (const session of stripe.checkout.sessions.list({ created: { gte }, limit: PAGE })) {
          if (session.metadata?.['payment_id'] === paymentId) return sessionFacts(session);
        }
        return null;
      }),

    createTransfer: (input, key) =>
      guard(async () =>
        transferFacts(
          await stripe.transfers.create(
            {
              amount: Number(input.amountMinor),
              currency: input.currency,
              destination: input.destination,
              ...(input.sourceTransaction === undefined ? {} : { source_transaction: input.sourceTransaction }),
              transfer_group: input.transferGroup,
              metadata: input.metadata,
              expand: ['balance_transaction'],
            },
            { idempotencyKey: key },
          ),
        ),
      ),
    retrieveTransfer: (id) =>
      guard(async () => transferFacts(await stripe.transfers.retrieve(id, { expand: ['balance_transaction'] }))),
    listTransfers: (transferGroup) =>
      guard(async () => {
        const found: TransferFacts[] = [];
        const all = stripe.transfers.list({
          transfer_group: transferGroup,
          limit: PAGE,
          expand: ['data.balance_transaction'],
        });
        for await (const transfer of all) found.push(transferFacts(transfer));
        return found;
      }),

    createTransferReversal: (transferId, input, key) =>
      guard(async () =>
        reversalFacts(
          await stripe.transfers.createReversal(
            transferId,
            { amount: Number(input.amountMinor), metadata: input.metadata, expand: ['balance_transaction'] },
            { idempotencyKey: key },
          ),
        ),
      ),
    listTransferReversals: (transferId) =>
      guard(async () => {
        const found: TransferReversalFacts[] = [];
        const all = stripe.transfers.listReversals(transferId, { limit: PAGE, expand: ['data.balance_transaction'] });
        for await (const reversal of all) found.push(reversalFacts(reversal));
        return found;
      }),
    retrieveConnectedBalance: (accountId) =>
      guard(async () => perCurrency(await stripe.balance.retrieve({}, { stripeAccount: accountId }))),

    createRefund: (input, key) =>
      guard(async () =>
        refundFacts(
          await stripe.refunds.create(
            {
              payment_intent: input.paymentIntentId,
              amount: Number(input.amountMinor),
              metadata: input.metadata,
              expand: REFUND_EXPAND,
            },
            { idempotencyKey: key },
          ),
        ),
      ),
    retrieveRefund: (id) =>
      guard(async () => refundFacts(await stripe.refunds.retrieve(id, { expand: REFUND_EXPAND }))),
    listRefunds: (paymentIntentId) =>
      guard(async () => {
        const found: RefundFacts[] = [];
        const expand = REFUND_EXPAND.map((e) => `data.${e}`);
        for await (const refund of stripe.refunds.list({ payment_intent: paymentIntentId, limit: PAGE, expand })) {
          found.push(refundFacts(refund));
        }
        return found;
      }),

    retrieveDispute: (id) => guard(async () => disputeFacts(await stripe.disputes.retrieve(id))),
    updateDispute: (id, input, key) =>
      guard(async () =>
        disputeFacts(
          await stripe.disputes.update(id, { evidence: input.evidence, submit: input.submit }, { idempotencyKey: key }),
        ),
      ),
    createEvidenceFile: (file, key) =>
      guard(async () => {
        const { id } = await stripe.files.create(
          { purpose: 'dispute_evidence', file: { data: file.content, name: file.name, type: file.mediaType } },
          { idempotencyKey: key },
        );
        return { id };
      }),
    closeDispute: (id, key) => guard(async () => disputeFacts(await stripe.disputes.close(id, {}, { idempotencyKey: key }))), // prettier-ignore
    retrieveFailedCharge: (id) =>
      guard(async () => {
        const charge = await stripe.charges.retrieve(id, { expand: ['failure_balance_transaction'] });
        return {
          id: charge.id,
          status: charge.status,
          amountMinor: BigInt(charge.amount),
          currency: charge.currency,
          metadata: charge.metadata,
          failureCode: charge.failure_code,
          failureBalanceTransaction: balanceTransaction(charge.failure_balance_transaction),
        };
      }),
    retrieveFraudWarning: (id) =>
      guard(async () => {
        const warning = await stripe.radar.earlyFraudWarnings.retrieve(id);
        return { id: warning.id, chargeId: idOf(warning.charge) ?? '', actionable: warning.actionable };
      }),

    createSellerAccount: (input, key) =>
      guard(async () =>
        accountFacts(
          await stripe.v2.core.accounts.create(
            {
              contact_email: input.email,
              display_name: input.name,
              dashboard: 'express',
              identity: { country: input.country.toLowerCase() },
              configuration: {
                recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } },
              },
              defaults: { responsibilities: { fees_collector: 'application', losses_collector: 'application' } },
              metadata: { seller_id: input.sellerId },
              include: ['configuration.recipient', 'identity', 'requirements'],
            },
            { idempotencyKey: key },
          ),
        ),
      ),
    retrieveAccount: (id) =>
      guard(async () =>
        accountFacts(
          await stripe.v2.core.accounts.retrieve(id, { include: [...recipient(), 'identity', 'requirements'] }),
        ),
      ),
    listPayoutTransactions: (id, accountId) =>
      guard(async () => {
        const found = await stripe.balanceTransactions
          .list({ payout: id, limit: PAGE, expand: ['data.source'] }, { stripeAccount: accountId })
          .autoPagingToArray({ limit: MOST_OF_A_PAYOUT });
        return found.map((bt) => {
          const source = bt.source as Expanded<{ id: string; source_transfer?: Expanded<{ id: string }> }>;
          const transfer = typeof source === 'string' || !source ? null : source.source_transfer;
          return { ...balanceTransaction(bt)!, transferId: idOf(transfer ?? null) };
        });
      }),
    externalAccounts: (accountId) =>
      guard(async () => {
        const found: string[] = [];
        for await (const { fingerprint } of stripe.accounts.listExternalAccounts(accountId, { limit: PAGE })) {
          if (fingerprint) found.push(fingerprint);
        }
        return found;
      }),
    retrievePayout: (id, accountId) =>
      guard(async () => {
        const p = await stripe.payouts.retrieve(id, {}, { stripeAccount: accountId });
        return {
          id: p.id,
          amountMinor: BigInt(p.amount),
          currency: p.currency,
          status: p.status,
          failureCode: p.failure_code,
          failureMessage: p.failure_message,
          arrivesAt: p.arrival_date * 1000,
          createdAt: p.created * 1000,
        };
      }),
    createOnboardingLink: (accountId, urls) =>
      guard(async () => {
        const link = await stripe.v2.core.accountLinks.create({
          account: accountId,
          use_case: {
            type: 'account_onboarding',
            account_onboarding: {
              refresh_url: urls.refreshUrl,
              return_url: urls.returnUrl,
            },
          },
        });
        return { url: link.url, expiresAt: new Date(link.expires_at) };
      }),

    updatePayoutSchedule: (accountId, schedule, key) =>
      guard(async () => {
        const { interval, weeklyAnchor, monthlyAnchor } = schedule;
        await stripe.accounts.update(
          accountId,
          {
            settings: {
              payouts: {
                schedule: {
                  interval,
                  ...(weeklyAnchor === undefined ? {} : { weekly_anchor: weeklyAnchor }),
                  ...(monthlyAnchor === undefined ? {} : { monthly_anchor: monthlyAnchor }),
                },
              },
            },
          },
          { idempotencyKey: key },
        );
      }),

    balanceSettings: () => guard(async () => balanceSettings(await stripe.balanceSettings.retrieve())),
    stopPlatformPayouts: (key) =>
      guard(async () =>
        balanceSettings(
          await stripe.balanceSettings.update(
            { payments: { payouts: { schedule: { interval: 'manual' } } } },
            { idempotencyKey: key },
          ),
        ),
      ),

    createTopUp: (amountMinor, currency, key) =>
      guard(async () => {
        const topUp = await stripe.topups.create(
          { amount: Number(amountMinor), currency, description: 'Platform float', expand: ['balance_transaction'] },
          { idempotencyKey: key },
        );
        return { id: topUp.id, balanceTransaction: balanceTransaction(topUp.balance_transaction) };
      }),
    async *listBalanceTransactions() {
      for await (const bt of stripe.balanceTransactions.list({ limit: PAGE })) yield balanceTransaction(bt)!;
    },
    balance: () => guard(async () => perCurrency(await stripe.balance.retrieve())),

    async *listUndeliveredEvents(since, after) {
      const gte = Math.floor(since.getTime() / 1000);
      const behind = after === undefined ? {} : { starting_after: after };
      for await (const event of stripe.events.list({
        delivery_success: false,
        created: { gte },
        limit: PAGE,
        ...behind,
      })) {
        yield { ...webhookEvent(event as unknown as RawEvent), body: JSON.stringify(event) };
      }
    },
    verifyWebhook(rawBody, signature) {
      if (!signature)
        throw new PaymentsError('signature_invalid', 'signature_missing', 'The Stripe-Signature header is missing.');
      let last: unknown;
      for (const secret of options.webhookSecrets) {
        try {
          // Verifies over the raw bytes; with a tolerance, or old deliveries could be replayed.
          signatures.verifyHeader(rawBody, signature, secret, WEBHOOK_TOLERANCE_S);
          return webhookEvent(JSON.parse(rawBody.toString('utf8')) as RawEvent);
        } catch (error) {
          last = error;
        }
      }
      throw last instanceof SyntaxError
        ? new PaymentsError('signature_invalid', 'body_invalid', 'The body is not JSON.', { cause: last })
        : new PaymentsError(
            'signature_invalid',
            'signature_invalid',
            'The signature matches none of the webhook secrets.',
            { cause: last },
          );
    },
  };
}

function client(options: StripeOptions): Stripe {
  const base = options.apiBase === undefined ? undefined : new URL(options.apiBase);
  return new Stripe(options.secretKey, {
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Tranche' },
    ...(base === undefined
      ? {}
      : {
          host: base.hostname,
          port: Number(base.port || 80),
          protocol: base.protocol === 'https:' ? 'https' : 'http',
        }),
  });
}

interface RawEvent {
  id: string;
  type: string;
  account?: string;
  context?: string | null;
  livemode: boolean;
  api_version?: string | null;
  data?: { object?: { id?: string } };
  related_object?: { id?: string } | null;
}

function webhookEvent(raw: RawEvent): WebhookEvent {
  if (typeof raw.id !== 'string' || typeof raw.type !== 'string') {
    throw new PaymentsError('signature_invalid', 'body_invalid', 'The body is no Stripe event.');
  }
  return {
    id: raw.id,
    type: raw.type,
    account: raw.account ?? raw.context ?? null,
    livemode: raw.livemode,
    apiVersion: raw.api_version ?? null,
    objectId: raw.data?.object?.id ?? raw.related_object?.id ?? null,
  };
}

function paidWith(details: Stripe.Charge.PaymentMethodDetails | null): ChargeFacts['paidWith'] {
  const card = details?.card?.fingerprint;
  if (card) return { method: 'card', fingerprint: card };
  const bank = details?.sepa_debit?.fingerprint ?? details?.us_bank_account?.fingerprint;
  return bank ? { method: 'bank', fingerprint: bank } : null;
}

function intentFacts(intent: Stripe.PaymentIntent): PaymentIntentFacts {
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge;
  const error = intent.last_payment_error;
  return {
    id: intent.id,
    status: INTENT_STATUSES.find((x) => x === intent.status) ?? 'unknown',
    rawStatus: intent.status,
    amountMinor: BigInt(intent.amount),
    currency: intent.currency,
    metadata: intent.metadata,
    clientSecret: intent.client_secret,
    actionUrl: intent.next_action?.redirect_to_url?.url ?? null,
    methodType: charge?.payment_method_details?.type ?? null,
    charge: charge
      ? {
          id: charge.id,
          status: charge.status,
          capturedMinor: BigInt(charge.amount_captured),
          currency: charge.currency,
          balanceTransaction: balanceTransaction(charge.balance_transaction),
          paidWith: paidWith(charge.payment_method_details),
        }
      : null,
    lastError: error
      ? { code: error.code ?? error.type, declineCode: error.decline_code ?? null, message: error.message ?? '' }
      : null,
  };
}

function sessionFacts(s: Stripe.Checkout.Session): CheckoutSessionFacts {
  return {
    id: s.id,
    status: SESSION_STATUSES.find((x) => x === s.status) ?? 'unknown',
    rawStatus: s.status ?? '',
    url: s.url,
    paymentIntentId: idOf(s.payment_intent),
    metadata: s.metadata ?? {},
  };
}

function transferFacts(t: Stripe.Transfer): TransferFacts {
  return {
    id: t.id,
    amountMinor: BigInt(t.amount),
    currency: t.currency,
    destination: idOf(t.destination),
    reversedMinor: BigInt(t.amount_reversed),
    metadata: t.metadata,
    balanceTransaction: balanceTransaction(t.balance_transaction),
  };
}

function reversalFacts(r: Stripe.TransferReversal): TransferReversalFacts {
  return {
    id: r.id,
    transferId: idOf(r.transfer) ?? '',
    amountMinor: BigInt(r.amount),
    currency: r.currency,
    metadata: r.metadata ?? {},
    balanceTransaction: balanceTransaction(r.balance_transaction),
  };
}

function perCurrency(b: Stripe.Balance): CurrencyBalance[] {
  const currencies = new Set([...b.available, ...b.pending].map((x) => x.currency));
  const sum = (list: { amount: number; currency: string }[], currency: string) =>
    list.filter((x) => x.currency === currency).reduce((a, x) => a + BigInt(x.amount), 0n);
  return [...currencies].map((currency) => ({
    currency,
    availableMinor: sum(b.available, currency),
    pendingMinor: sum(b.pending, currency),
  }));
}

function refundFacts(r: Stripe.Refund): RefundFacts {
  return {
    id: r.id,
    status: REFUND_STATUSES.find((x) => x === r.status) ?? 'unknown',
    rawStatus: r.status ?? '',
    amountMinor: BigInt(r.amount),
    currency: r.currency,
    chargeId: idOf(r.charge),
    paymentIntentId: idOf(r.payment_intent),
    metadata: r.metadata ?? {},
    failureReason: r.failure_reason ?? null,
    balanceTransaction: balanceTransaction(r.balance_transaction),
    failureBalanceTransaction: balanceTransaction(r.failure_balance_transaction),
  };
}

function disputeFacts(d: Stripe.Dispute): DisputeFacts {
  const dueBy = d.evidence_details.due_by;
  return {
    id: d.id,
    chargeId: idOf(d.charge) ?? '',
    status: d.status,
    reason: d.reason,
    amountMinor: BigInt(d.amount),
    currency: d.currency,
    dueAt: dueBy === null ? null : dueBy * 1000,
    createdAt: d.created * 1000,
    submissions: d.evidence_details.submission_count,
    metadata: d.metadata,
    // Stripe shows them in full without being asked.
    balanceTransactions: d.balance_transactions.map((bt) => balanceTransaction(bt)!),
  };
}

function accountFacts(a: Stripe.V2.Core.Account): AccountFacts {
  const status = a.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status;
  return {
    id: a.id,
    country: (a.identity?.country ?? '').toUpperCase(),
    // A status that is not known yet is treated as the one that moves no money.
    transfers: status === 'active' ? 'active' : status === 'pending' ? 'pending' : 'inactive',
    requirements: (a.requirements?.entries ?? []).map((e) => e.description),
    metadata: a.metadata ?? {},
  };
}

function balanceSettings(s: Stripe.BalanceSettings): BalanceSettingsFacts {
  const { payouts } = s.payments;
  const minimums = Object.entries(payouts?.minimum_balance_by_currency ?? {});
  return {
    interval: payouts?.schedule?.interval ?? null,
    payoutStatus: payouts?.status ?? 'unknown',
    minimumBalances: Object.fromEntries(minimums.map(([currency, amount]) => [currency, BigInt(amount)])),
  };
}
