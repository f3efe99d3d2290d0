// The transition table and its guards.
import { type Mutation, never } from './mutation.ts';

const TABLE = 'domain/transitions.ts';
const GUARDS = 'domain/guards.ts';
const guardsTest = 'test/domain/guards.test.ts';
const permitTest = 'test/domain/permit.test.ts';
const deadlinesTest = 'test/domain/deadlines.test.ts';
const DEADLINES = 'domain/deadlines.ts';
const transitionsTest = 'test/domain/transitions.test.ts';

type Test = Mutation['test'];

/** The row of that command without its guard. */
const unguarded = (command: string, guard: string, test: Test): Mutation => ({
  guard: `the guard of the row \`${command}\``,
  file: TABLE,
  find: `, guard: ${guard} },`,
  replace: ' },',
  test,
});

/** A row that may be taken by one more, or from one status more. */
const wider = (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file: TABLE, find, replace, test }); // prettier-ignore

/** A reason why not, that is never given. */
const without = (guard: string, condition: string, test: Test): Mutation => ({ guard, file: GUARDS, ...never(condition), test }); // prettier-ignore

const changed = (guard: string, find: string, replace: string, test: Test, file = GUARDS): Mutation => ({ guard, file, find, replace, test }); // prettier-ignore

const BY_BANK: Test = [guardsTest, 'by bank transfer only what Stripe cannot refund'];
const OWED: Test = [guardsTest, 'a refund that waits for a bank transfer is paid whole'];
const FROM: Test = [guardsTest, 'of a milestone'];

export const TABLE_MUTATIONS: readonly Mutation[] = [
  changed('a command only from the escrow’s statuses of its row', 'rows.find((r) => r.from.includes(state.status))', 'rows[0]', [guardsTest, 'from another status it is refused'], TABLE),
  changed('a command only from the milestone’s statuses of its row', 'r.action === action && r.from.includes(milestone.status)', 'r.action === action', [guardsTest, 'from another status it is refused'], TABLE),
  { guard: 'a command only by the roles of its row', file: TABLE, ...never('!row.by.includes(question.principal.role as By)'), test: [guardsTest, 'by another person it is refused'] },
  { guard: 'a seller only on that seller’s milestones', file: TABLE, ...never("principal.role === 'seller' && milestone.sellerId !== principal.id"), test: [guardsTest, 'by another person it is refused'] },
  changed('milestones only of an escrow that is active or being amended', "if (state.status !== 'active' && state.status !== 'amending' && !settling)", 'if (false)', [guardsTest, 'nothing is done to a milestone before its escrow is active'], TABLE),
  { guard: 'no freeze of an escrow that has ended', file: TABLE, ...never('isEscrowEnd(state.status)'), test: [guardsTest, 'nothing is done to a milestone before its escrow is active'] },
  { guard: 'freezing is for ops', file: TABLE, ...never("principal.role !== 'ops'"), test: [permitTest, 'ops freeze and lift only their own'] },
  { guard: 'ops lift only what ops froze', file: TABLE, ...never("action === 'unfreeze' && !state.frozen.some((f) => f.reason === 'ops' || isReview(f))"), test: [permitTest, 'ops freeze and lift only their own'] },
  changed('a milestone moves only where its row leads', "row.from.includes(m.status) && row.to.includes(target),", 'true,', [transitionsTest, 'a milestone moves exactly where the table leads'], TABLE),
  changed('an escrow moves only where its row leads', 'row.from.includes(state.status) && row.to.includes(target),', 'true,', [transitionsTest, 'an escrow too'], TABLE),
  wider('the buyer alone accepts', "by: ['buyer'], action: 'accept'", "by: ['buyer', 'seller'], action: 'accept'", FROM),
  wider('work is accepted only when it was submitted', "name: 'accept', from: ['submitted']", "name: 'accept', from: ['submitted', 'started']", FROM),
  wider('ops alone rule', "by: ['ops'], action: 'rule'", "by: ['ops', 'buyer'], action: 'rule'", FROM),
  wider('ops alone force a release', "by: ['ops'], action: 'force_release'", "by: ['ops', 'seller'], action: 'force_release'", FROM),
  wider('the buyer alone pays', "by: ['buyer'], action: 'fund'", "by: ['buyer', 'seller'], action: 'fund'", [guardsTest, 'of an escrow']),
  wider('what was accepted is refunded by nobody’s command', "name: 'refund', from: HELD, to:", "name: 'refund', from: [...HELD, 'accepted'], to:", [transitionsTest, 'that was accepted is taken from its seller by nobody’s command']),
  wider('money comes in by Stripe’s word alone', "to: ['funded'], by: ['stripe']", "to: ['funded'], by: ['stripe', 'timer']", [transitionsTest, 'comes in by Stripe’s word alone']),
  unguarded('agree', 'mayAgree', [permitTest, 'agree names the terms that were read']),
  unguarded('fund', 'mayFund', [guardsTest, 'not for what is being cancelled']),
  unguarded('cancel_active', 'mayCancelActive', [permitTest, 'an active escrow is cancelled by the buyer alone']),
  unguarded('amend', 'mayAmend', [guardsTest, 'anything: the escrow is neither cancelled nor amended']),
  unguarded('sign_amendment', 'maySign', [guardsTest, 'new terms are signed once by each']),
  unguarded('start', 'mayStart', [permitTest, 'start and submit wait for the agreed start']),
  unguarded('submit', 'maySubmit', [permitTest, 'start and submit wait for the agreed start']),
  unguarded('request_changes', 'mayRequestChanges', [permitTest, 'changes are asked for at most as often as agreed']),
  unguarded('extend', 'mayExtend', [permitTest, 'extend: once, later than now']),
  unguarded('accept', 'mayAccept', [permitTest, 'accept and refund take a part of what is open']),
  unguarded('refund', 'mayRefund', [permitTest, 'accept and refund take a part of what is open']),
  unguarded('force_release', 'mayForceRelease', [guardsTest, 'a forced release is never a button']),
  unguarded('dispute', 'mayDispute', [guardsTest, 'over no more than is left, in whole units']),
  unguarded('reply', "inDispute(['open'], 'respondent')", [guardsTest, 'each stage has its turns']),
  unguarded('offer', 'mayOffer', [guardsTest, 'a split is a whole number from nothing to all of it']),
  unguarded('accept_offer', 'mayAcceptOffer', [guardsTest, 'an offer is taken by the other side alone']),
  unguarded('escalate', "inDispute(['negotiating'], 'party')", [guardsTest, 'each stage has its turns']),
  unguarded('rule', 'mayRule', [guardsTest, 'each stage has its turns']),
]; // prettier-ignore

export const GUARD_MUTATIONS: readonly Mutation[] = [
  without('one agrees to the terms that were read', 'args.termsHash !== undefined && args.termsHash !== state.termsHash', [permitTest, 'agree names the terms that were read']),
  without('nobody agrees twice', 'state.consents.includes(principal.id)', [permitTest, 'agree names the terms that were read']),
  without('nothing is paid for what is being cancelled', 'state.ending !== null || state.cancelRequest !== null', [guardsTest, 'not for what is being cancelled']),
  without('nothing is paid for nothing', 'chosen.length === 0', [guardsTest, 'not twice at once, and not for nothing']),
  without('only what waits for funding is paid', 'args.milestoneIds?.some((id) => !chosen.some((m) => m.id === id))', [permitTest, 'fund takes all upfront']),
  changed('one payment at a time for the same milestones', "return busy ? 'A payment for this is being made at this moment.' : null;", 'return null;', [guardsTest, 'not twice at once, and not for nothing']),
  changed('a frozen escrow is not amended', "export function mayAmend({ state }: Ask): string | null {\n  if (state.frozen.length > 0)", "export function mayAmend({ state }: Ask): string | null {\n  if (false)", [guardsTest, 'anything: the escrow is neither cancelled nor amended']),
  changed('no amendment while a cancellation is asked for', "must end first.';\n  if (state.cancelRequest) return", "must end first.';\n  if (false) return", [guardsTest, 'a request to cancel stops a delivery and an amendment']),
  without('nobody signs new terms twice', 'amendment.consents.includes(principal.id)', [guardsTest, 'new terms are signed once by each']),
  without('new terms are signed as they were read', '!offer && args.termsHash !== undefined && args.termsHash !== amendment.termsHash', [guardsTest, 'new terms are signed once by each']),
  changed('new terms are signed only while they can be applied', "return typeof plan === 'string' ? plan : null;", 'return null;', [guardsTest, 'new terms are signed once by each']),
  changed('a frozen escrow takes no new terms', "if (state.frozen.length > 0) return 'The escrow is frozen: its freeze must end first.';", '', [guardsTest, 'new terms are signed once by each'], 'domain/amendments.ts'),
  changed('new terms take no money that waits for its buyer’s word', 'money && (UNTOUCHABLE.includes(m.status) || (ended && after !== null))', 'false', [guardsTest, 'new terms take no money of a milestone that waits for its buyer'], 'domain/amendments.ts'),
  changed('new terms take no more than is left', 'if (refund >= openAmount(m))', 'if (false)', [guardsTest, 'new terms take no money of a milestone that waits for its buyer'], 'domain/amendments.ts'),
  changed('new terms wait for a payment under way', "(p.busy || ['requires_action', 'processing'].includes(p.status))", 'false', [guardsTest, 'new terms take no money of a milestone that waits for its buyer'], 'domain/amendments.ts'),
  without('submitted work is not cancelled away', "state.milestones.some((m) => m.status === 'submitted')", [permitTest, 'an active escrow is cancelled by the buyer alone']),
  changed('a frozen escrow is not cancelled', "refund of that milestone.';\n  }\n  if (state.frozen.length > 0)", "refund of that milestone.';\n  }\n  if (false)", [guardsTest, 'anything: the escrow is neither cancelled nor amended']),
  changed('there is something to cancel', 'if (!state.milestones.some((m) => HELD.includes(m.status) || UNFUNDED.includes(m.status)))', 'if (false)', [guardsTest, 'there is nothing to cancel where no money is held or expected']),
  without('nobody confirms their own cancellation', 'state.cancelRequest && state.cancelRequest.by === principal.id', [permitTest, 'an active escrow is cancelled by the buyer alone']),
  changed('the buyer alone cancels only while nothing was started', "principal.role === 'buyer' && !touched", "principal.role === 'buyer'", [permitTest, 'an active escrow is cancelled by the buyer alone']),
  changed('a cancellation is confirmed by the other side', 'state.cancelRequest !== null && state.cancelRequest.role !== principal.role', 'true', [permitTest, 'an active escrow is cancelled by the buyer alone']),
  without('work begins at its agreed start', 'm.startsAt !== null && now < m.startsAt', [permitTest, 'start and submit wait for the agreed start']),
  changed('no start while a refund is asked for', 'return milestone!.refundRequest', 'return false', [guardsTest, 'not while a refund is asked for']),
  changed('no delivery while a cancellation is asked for', "maySubmit({ milestone, state, now }: Ask): string | null {\n  if (state.cancelRequest)", "maySubmit({ milestone, state, now }: Ask): string | null {\n  if (false)", [guardsTest, 'a request to cancel stops a delivery and an amendment']),
  changed('changes are asked for at most max_rounds times', 'if (milestone!.rounds >= most)', 'if (false)', [permitTest, 'changes are asked for at most as often as agreed']),
  changed('no changes are asked for of frozen work', "accept it or open a dispute.`;\n  return frozen(state, milestone!);", "accept it or open a dispute.`;\n  return null;", [guardsTest, 'the milestone: no acceptance, changes']),
  without('an inspection is extended only while it runs', '!inspection', [guardsTest, 'an extension only of an inspection that runs']),
  without('an inspection is extended once', 'inspection.extended', [permitTest, 'extend: once, later than now']),
  changed('an extension ends later than the inspection did', 'if (until <= inspection.endsAt || until <= now)', 'if (until <= now)', [permitTest, 'extend: once, later than now']),
  changed('an extension ends later than now', 'if (until <= inspection.endsAt || until <= now)', 'if (until <= inspection.endsAt)', [guardsTest, 'an extension only of an inspection that runs']),
  without('an extension is at most the first period again', 'until > latest', [permitTest, 'extend: once, later than now']),
  changed('an accepted part reaches its seller', "return payable > 0 ? null :", 'return true ? null :', [permitTest, 'a part that the currency cannot charge']),
  changed('a refund’s time is that of its payment method', 'return until !== null && now > until;', 'return false;', [guardsTest, 'ordered and agreed also after the time']),
  changed('a bank transfer only for what Stripe refunds no more', 'if (!isTooLateForStripe(state, m, now)) return', 'if (false) return', BY_BANK),
  changed('a bank transfer of all that is left, and nothing else', 'if (args.amount !== open)\n', 'if (false)\n', BY_BANK),
  changed('no bank transfer beside a refund that is being made', "if (underWay) return 'A refund of this milestone is being made.';", '', BY_BANK),
  changed('no bank transfer beside a transfer to the seller', "standingParts(m).some((r) => r.status === 'accepted' || r.status === 'releasing')", 'false', BY_BANK),
  changed('no bank transfer of what is frozen', 'return frozenForRefund(ask) ?? partOf(m, open, state.terms.currency);', 'return partOf(m, open, state.terms.currency);', BY_BANK),
  changed('a bank transfer settles exactly the refund that waits for it', 'if (args.amount === owed.amount) return', 'return', OWED),
  changed('what a frozen milestone owes by bank waits', 'if (args.amount === owed.amount) return frozenForRefund(ask);', 'if (args.amount === owed.amount) return null;', OWED),
  changed('what an ended agreement owes by bank is paid while it settles', "state.status === 'settling' && action === 'refund_by_bank'", 'false', OWED, TABLE),
  changed('one refund at a time', "if (why) return why;\n  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))\n    return 'A refund of this milestone is under way.';\n  if (m.refundRequest", "if (why) return why;\n  if (m.refundRequest", [guardsTest, 'one at a time: while one is asked']),
  changed('only ops give back what is under review', "principal.role !== 'ops' || !isReview(f)", '!isReview(f)', [guardsTest, 'risk: under review nobody accepts']),
  without('nobody confirms their own refund', 'm.refundRequest && m.refundRequest.by === principal.id', [permitTest, 'a refund is the buyer’s alone before work starts']),
  without('exactly the refund that was asked for is confirmed', 'm.refundRequest && args.amount !== undefined && args.amount !== m.refundRequest.amount', [permitTest, 'a refund is the buyer’s alone before work starts']),
  changed('the buyer alone is refunded only before work starts', "principal.role === 'buyer' && m.status === 'funded'", "principal.role === 'buyer'", [permitTest, 'a refund is the buyer’s alone before work starts']),
  changed('a refund is confirmed by the other side', 'return m.refundRequest !== null && m.refundRequest.role !== principal.role;', 'return true;', [permitTest, 'a refund is the buyer’s alone before work starts']),
  without('no forced release beside a refund', 'hasRefundUnderWay(m)', [guardsTest, 'one at a time: while one is asked']),
  changed('a forced release is over what is left', 'if (args.amount !== openAmount(m))', 'if (false)', [guardsTest, 'a forced release is never a button']),
  changed('frozen money is not released by force', 'return frozen(state, m) ?? partOf(m, args.amount', 'return partOf(m, args.amount', [guardsTest, 'the milestone: no acceptance, changes']),
  without('a dispute is over something', 'openAmount(m) === 0', [guardsTest, 'nothing of nothing']),
  changed('no dispute beside a refund', "to dispute.';\n  if (m.refunds.some((r) => r.status === 'asked' || r.status === 'pending'))", "to dispute.';\n  if (false)", [guardsTest, 'one at a time: while one is asked']),
  without('nobody acts in a settled dispute', '!dispute || settled(milestone!)', [guardsTest, 'nobody acts in one that is settled']),
  changed('a dispute’s commands belong to its stages', 'if (!stages.includes(dispute.status))', 'if (false)', [guardsTest, 'each stage has its turns']),
  changed('the respondent replies', "if (who === 'respondent' && principal.role === dispute.openedRole)", 'if (false)', [guardsTest, 'each stage has its turns']),
  changed('a split gives no more than is in dispute', ' || amount > milestone!.dispute!.amount', '', [guardsTest, 'a split is a whole number from nothing to all of it']),
  changed('a split gives no less than nothing', ' || amount < 0', '', [guardsTest, 'a split is a whole number from nothing to all of it']),
  changed('an offer is taken by the other side', "const other = ask.principal.role === 'buyer' ? 'seller' : 'buyer';", "const other = ask.principal.role === 'buyer' ? 'buyer' : 'seller';", [guardsTest, 'an offer is taken by the other side alone']),
  changed('no ruling while the bank decides', "?? suspended(ask) ?? splitOf(ask)", '?? splitOf(ask)', [guardsTest, 'a card dispute of the same money suspends it']),
  changed('no settlement while the bank decides', "'The other side has made no offer yet.' : suspended(ask)", "'The other side has made no offer yet.' : null", [guardsTest, 'a card dispute of the same money suspends it']),
  changed('amounts are whole units above nothing', 'if (!Number.isSafeInteger(amount) || amount <= 0)', 'if (false)', [permitTest, 'accept and refund take a part of what is open']),
  changed('amounts are such as the currency can charge', 'if (BigInt(amount) % multiple !== 0n)', 'if (false)', [permitTest, 'a part that the currency cannot charge']),
  changed('no more than is left', 'return amount > open ?', 'return false ?', [permitTest, 'accept and refund take a part of what is open']),
]; // prettier-ignore

/** Guard G: money moves only while it is held and nothing covers it that freezes it. */
export const GUARD_G_MUTATIONS: readonly Mutation[] = [
  changed('Guard G: frozen money is neither accepted nor refunded', 'return freezes.length > 0 ? frozenBy', 'return false ? frozenBy', [guardsTest, 'the milestone: no acceptance, changes']),
  changed('Guard G: a freeze of the escrow covers its milestones', "f.scope === 'escrow' ||", '', [guardsTest, 'the escrow: no acceptance, changes'], 'domain/escrow-state.ts'),
  changed('Guard G: a freeze of a milestone covers it', "(f.scope === 'milestone' && f.subject === m.id) ||", '', [guardsTest, 'the milestone: no acceptance, changes'], 'domain/escrow-state.ts'),
  changed('Guard G: a freeze of a seller covers the seller’s milestones', "(f.scope === 'seller' && f.subject === m.sellerId) ||", '', [guardsTest, 'the seller: no acceptance, changes'], 'domain/escrow-state.ts'),
  changed('Guard G: a freeze of a charge covers what it paid for', "(f.scope === 'charge' && m.funds !== null && f.subject === m.funds.chargeId),", 'false,', [guardsTest, 'the charge: no acceptance, changes'], 'domain/escrow-state.ts'),
  changed('Guard G: a milestone’s freeze covers no other', "(f.scope === 'milestone' && f.subject === m.id) ||", "f.scope === 'milestone' ||", [guardsTest, 'something else: nothing of it stops'], 'domain/escrow-state.ts'),
]; // prettier-ignore

/** Time decides what nobody decides, and waits while somebody else has the word. */
export const TIMER_MUTATIONS: readonly Mutation[] = [
  changed('silence of the buyer releases', "add('auto_accept', m.inspection.endsAt);", '', [deadlinesTest, 'reminds in order, each before the end, then releases'], DEADLINES),
  changed('a freeze stops the inspection', 'if (freezes.length > 0) return null;', '', [deadlinesTest, 'of its charge'], DEADLINES),
  changed('a chargeback stops a dispute’s stages', 'return suspended ? null :', 'return false ? null :', [deadlinesTest, 'a card dispute suspends the dispute’s own stages'], DEADLINES),
  changed('a payment that Stripe is asked about is not given up', "m.status === 'awaiting_funding' && !asked", "m.status === 'awaiting_funding'", [deadlinesTest, 'a payment under way is not given up'], DEADLINES),
  changed('an authentication that is left is cancelled', "if (p.status === 'requires_action' && p.actionUntil !== null)", 'if (false)', [deadlinesTest, 'an authentication is left, a cancellation lapses'], DEADLINES),
  changed('an amendment that nobody signs lapses', 'if (state.amendment) all.push', 'if (false) all.push', [deadlinesTest, 'an amendment that nobody signs lapses'], DEADLINES),
]; // prettier-ignore
