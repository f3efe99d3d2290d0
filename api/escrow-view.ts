// The escrow object of the API, as one caller sees it: state, money, who acts next, what the caller may do.
import type { Settings } from '../config/settings.ts';
import {
  type EscrowFailedRefund,
  type EscrowRecord,
  type EscrowRecovery,
  principalOn,
  type Viewer,
} from '../db/escrows.ts';
import { MONEY_TERMS, type MoneyTerm } from '../db/ledger.ts';
import { type EscrowState, freezesOver, type MilestoneState, openAmount } from '../domain/escrow-state.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import { toInteger } from '../domain/money.ts';
import { DAY_MS } from '../domain/periods.ts';
import { type Policy, policyInWords } from '../domain/policy.ts';
import { chargeMinor, type MilestoneTerms } from '../domain/terms.ts';
import { availableActions } from '../domain/transitions.ts';
import { milestoneWaiting, owedRefundWaiting, type Waiting, waitingFor } from '../domain/waiting.ts';
import type { EscrowView, MilestoneView } from './schemas.ts';

export interface ViewOptions {
  viewer: Viewer;
  settings: Settings;
  now?: number | undefined;
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
export const moneyOf = (amount: number | bigint, currency: string) => ({
  amount: typeof amount === 'bigint' ? toInteger(amount) : amount,
  currency,
});

/** Milliseconds → ISO 8601: 1209600000 → "P14D", 2500 → "PT2.5S". */
export function isoPeriod(ms: number): string {
  if (ms % DAY_MS === 0) return `P${ms / DAY_MS}D`;
  if (ms % 3_600_000 === 0) return `PT${ms / 3_600_000}H`;
  if (ms % 60_000 === 0) return `PT${ms / 60_000}M`;
  return `PT${ms / 1000}S`;
}

/** Names of what somebody may do now, on the escrow or on any of its milestones, and on each of them. */
export function actionsOf(state: EscrowState, viewer: Viewer, now: number) {
  const principal = principalOn(state, viewer);
  if (principal === null) return { all: [], milestones: {} as Record<string, string[]> };
  const { escrow, milestones } = availableActions(state, principal, now);
  return { all: [...new Set([...escrow, ...Object.values(milestones).flat()])] as string[], milestones };
}

/** What the escrow waits for, a refund that came back after its end with it. */
export function waitingOf(record: Pick<EscrowRecord, 'state' | 'failedRefunds'>): Waiting {
  return owedWaiting(record.failedRefunds) ?? waitingFor(record.state);
}

/** The same of one milestone. */
export function milestoneWaitingOf(record: Pick<EscrowRecord, 'state' | 'failedRefunds'>, m: MilestoneState): Waiting {
  return owedWaiting(record.failedRefunds.filter((f) => f.milestone_id === m.id)) ?? milestoneWaiting(record.state, m);
}

function owedWaiting(refunds: readonly EscrowFailedRefund[]): Waiting | null {
  const f = refunds.find((r) => r.status === 'owed') ?? refunds.find((r) => r.status === 'trying');
  return f === undefined ? null : owedRefundWaiting(f.status === 'owed' ? 'owed' : 'trying', f.milestone_id);
}

/** True while the buyer does not have it. */
const isOwed = (f: EscrowFailedRefund | undefined): boolean => f?.status === 'owed' || f?.status === 'trying';

/** A refund of released money is no command of the escrow, and possible after its end: offered where that call works. */
function withReleasedRefunds(record: EscrowRecord, viewer: Viewer, actions: ReturnType<typeof actionsOf>) {
  const principal = principalOn(record.state, viewer);
  if (principal === null) return actions;
  const milestones: Record<string, string[]> = { ...actions.milestones };
  for (const m of record.state.milestones) {
    if (principal.role === 'seller' && m.sellerId !== principal.id) continue;
    if (!isReleasedRefundable(record, m, principal.role)) continue;
    milestones[m.id] = [...new Set([...(milestones[m.id] ?? []), 'refund'])];
  }
  return { all: [...new Set([...actions.all, ...Object.values(milestones).flat()])], milestones };
}

function isReleasedRefundable(record: EscrowRecord, m: MilestoneState, role: string): boolean {
  if (!['released', 'recovering', 'refunded'].includes(m.status) || freezesOver(record.state, m).length > 0)
    return false;
  const released = m.releases.reduce((sum, r) => sum + (r.status === 'released' ? r.amount : 0), 0);
  if (released - (record.takenBack[m.id] ?? 0) <= 0) return false;
  // The question of one side is answered by the other's same call.
  return !record.recoveries.some((r) => r.milestone_id === m.id && r.status === 'asked' && r.asked_role === role);
}

export function escrowView(record: EscrowRecord, { viewer, settings, now = Date.now() }: ViewOptions): EscrowView {
  const { state } = record;
  const { terms } = state;
  const settlement = record.money.currency ?? state.settlementCurrency ?? terms.currency;
  const actions = withReleasedRefunds(record, viewer, actionsOf(state, viewer, now));
  const termsOf = new Map(terms.milestones.map((m) => [m.id, m]));
  const sum = (pick: (m: MilestoneTerms) => number) => terms.milestones.reduce((total, m) => total + pick(m), 0);
  const inTerms = (amount: number | bigint) => moneyOf(amount, terms.currency);
  return {
    id: state.id,
    object: 'escrow',
    title: terms.title,
    status: state.status,
    frozen: [...new Set(state.frozen.map((f) => f.reason))],
    freezes: state.frozen.map(({ reason, scope, subject, detail, since }) => ({
      reason,
      scope,
      subject,
      detail,
      since: new Date(since).toISOString(),
    })),
    currency: terms.currency,
    settlement_currency: state.settlementCurrency,
    vertical: terms.vertical,
    funding: terms.funding,
    fee_payer: terms.feePayer,
    terms_hash: state.termsHash,
    terms_version: terms.version,
    buyer_id: terms.buyerId,
    parties: record.parties.map((p) => ({ ...p, agreed: state.consents.includes(p.id) })),
    agree_until: state.status === 'proposed' ? iso(state.agreeUntil) : null,
    fund_until: iso(state.fundUntil),
    quote: {
      total: inTerms(chargeMinor(terms.milestones)),
      buyer_fee: inTerms(sum((m) => m.buyerFee)),
      seller_fee: inTerms(sum((m) => m.sellerFee)),
      tax: inTerms(0),
    },
    policy: policyView(terms.policy),
    milestones: state.milestones.map((m) =>
      milestoneView(record, m, termsOf.get(m.id), settlement, actions.milestones[m.id] ?? []),
    ),
    payments: state.payments.map((p) => ({
      id: p.id,
      status: p.status,
      amount: inTerms(p.amount),
      milestone_ids: p.milestoneIds,
      decline_code: p.declineCode,
      authenticate_until: iso(p.actionUntil),
    })),
    money: Object.fromEntries(MONEY_TERMS.map((term) => [term, moneyOf(record.money[term], settlement)])) as Record<
      MoneyTerm,
      { amount: number; currency: string }
    >,
    cancel_request: state.cancelRequest && requestView(state.cancelRequest),
    amendment: state.amendment && {
      id: state.amendment.id,
      proposed_by: state.amendment.by,
      terms_hash: state.amendment.termsHash,
      terms_version: state.amendment.terms.version,
      signed_by: state.amendment.consents,
      expires_at: new Date(state.amendment.until).toISOString(),
      total: inTerms(chargeMinor(state.amendment.terms.milestones)),
      milestones: state.amendment.terms.milestones.map((m) => ({
        id: m.id,
        title: m.title,
        seller_id: m.sellerId,
        amount: inTerms(m.amount),
        due_at: m.dueAt,
      })),
    },
    waiting_for: waitingOf(record),
    available_actions: actions.all,
    transfer_group: state.id,
    workflow_id: escrowWorkflowId(state.id),
    ...workflowLink(state.id, viewer, settings),
    revision: state.revision,
    external_id: record.externalId,
    metadata: record.metadata,
    created_at: record.createdAt.toISOString(),
    updated_at: record.updatedAt.toISOString(),
  };
}

function milestoneView(
  record: EscrowRecord,
  m: MilestoneState,
  terms: MilestoneTerms | undefined,
  settlement: string,
  actions: string[],
): MilestoneView {
  const { state } = record;
  const recoveries = record.recoveries.filter((r) => r.milestone_id === m.id);
  const cameBack = (id: string) => isOwed(record.failedRefunds.find((f) => f.id === id));
  const inTerms = (amount: number) => moneyOf(amount, state.terms.currency);
  const settled = (amount: number) => moneyOf(amount, settlement);
  const frozen = freezesOver(state, m);
  const released = m.releases.filter((r) => r.status === 'released').reduce((sum, r) => sum + r.payable, 0);
  const refunded = m.refunds
    .filter((r) => r.status !== 'failed' && !cameBack(r.id))
    .reduce((sum, r) => sum + r.principal + r.buyerFeeReturned, 0);
  const recovered = recoveries.filter((r) => r.status === 'reserved' || r.status === 'refunded').reduce((sum, r) => sum + r.settled, 0); // prettier-ignore
  const asked = recoveries.find((r) => r.status === 'asked');
  const inspecting = m.status === 'submitted' && m.inspection !== null && frozen.length === 0;
  return {
    id: m.id,
    title: m.title,
    seller_id: m.sellerId,
    amount: inTerms(m.amount),
    status: m.status,
    released: settled(released),
    refunded: settled(refunded + recovered),
    accepted: inTerms(m.accepted),
    open: inTerms(openAmount(m)),
    buyer_fee: inTerms(terms?.buyerFee ?? 0),
    seller_fee: inTerms(terms?.sellerFee ?? 0),
    starts_at: iso(m.startsAt),
    due_at: iso(m.dueAt),
    fund_by: iso(m.fundBy),
    started_at: iso(m.startedAt),
    submitted_at: iso(m.submittedAt),
    inspection_period: isoPeriod(m.inspection?.periodMs ?? terms?.inspectionMs ?? 0),
    inspection_ends_at: inspecting ? iso(m.inspection!.endsAt) : null,
    inspection_extended: m.inspection?.extended ?? false,
    note: m.note,
    deliverable_sha256: m.deliverableSha256,
    changes_note: m.changesNote,
    rounds: m.rounds,
    frozen: [...new Set(frozen.map((f) => f.reason))],
    refund_request: m.refundRequest
      ? { ...requestView(m.refundRequest), amount: inTerms(m.refundRequest.amount) }
      : asked
        ? recoveryRequestView(asked, inTerms(asked.amount))
        : null,
    releases: m.releases.map((r) => ({
      part: r.part,
      amount: inTerms(r.amount),
      payable: settled(r.payable),
      status: r.status,
      transfer_id: r.transferId,
      automatic: r.automatic,
    })),
    refunds: [
      ...m.refunds.map((r) => ({
        id: r.id,
        amount: inTerms(r.chargeAmount),
        status: cameBack(r.id)
          ? 'failed'
          : r.status === 'asked' && r.needsBank && !r.bank
            ? 'needs_bank'
            : (r.status as string),
        reason: r.reason,
      })),
      ...recoveries
        .filter((r) => r.status !== 'asked')
        .map((r) => ({ id: r.id, amount: inTerms(r.amount), status: RECOVERY_WORDS[r.status], reason: r.reason })),
    ],
    waiting_for: milestoneWaitingOf(record, m),
    available_actions: actions,
  };
}

/** A refund of released money in the words of every refund. */
const RECOVERY_WORDS: Record<EscrowRecovery['status'], string> = {
  asked: 'asked',
  reserved: 'pending',
  refunded: 'succeeded',
  undone: 'failed',
};

function recoveryRequestView(r: EscrowRecovery, amount: ReturnType<typeof moneyOf>) {
  return {
    by: r.asked_by ?? '',
    role: r.asked_role ?? '',
    reason: r.reason,
    at: new Date(r.created_at).toISOString(),
    expires_at: new Date(r.expires_at ?? r.created_at).toISOString(),
    amount,
  };
}

function requestView(request: NonNullable<EscrowState['cancelRequest']>) {
  return {
    by: request.by,
    role: request.role,
    reason: request.reason,
    at: new Date(request.at).toISOString(),
    expires_at: new Date(request.expiresAt).toISOString(),
  };
}

function policyView(policy: Policy): EscrowView['policy'] {
  const periods = Object.entries(policy)
    .filter((entry): entry is [string, number] => entry[0].endsWith('Ms') && typeof entry[1] === 'number')
    .map(([name, ms]) => [name.slice(0, -2).replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), isoPeriod(ms)] as const);
  return {
    ...policyInWords(policy),
    max_rounds: policy.maxRounds,
    remind: policy.remind,
    periods: Object.fromEntries(periods),
  };
}

/** Only ops look into Temporal. */
function workflowLink(escrowId: string, viewer: Viewer, settings: Settings): { workflow_url?: string } {
  if ((viewer.role !== 'ops' && viewer.role !== 'auditor') || settings.temporal.uiUrl === undefined) return {};
  const { uiUrl, namespace } = settings.temporal;
  return {
    workflow_url: `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(escrowWorkflowId(escrowId))}`,
  };
}
