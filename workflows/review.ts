// Buyer and seller who may be one party: frozen until ops have looked.
import { type EscrowState, isEscrowEnd } from '../domain/escrow-state.ts';
import { DAY_MS } from '../domain/periods.ts';
import type { RiskSignal } from './messages.ts';
import { freeze } from './moves.ts';
import { type Mark, PLATFORM } from './run.ts';

/**
 * Buyer and seller may be one: the seller's part stands still until ops have looked, at most as long as they have for a fraud
 * warning; then they are told again, and it stays frozen. Both sides read no more than that it is under review.
 */
export function review(state: EscrowState, mark: Mark, risk: RiskSignal): void {
  const known = (state.risks ??= []);
  if (known.includes(risk.key) || isEscrowEnd(state.status)) return;
  known.push(risk.key);
  mark.head();
  if (state.frozen.some((f) => f.reason === 'risk' && f.subject === risk.sellerId)) return;
  const now = Date.now();
  freeze(state, mark, { reason: 'risk', scope: 'seller', subject: risk.sellerId, detail: 'under review', since: now, until: now + (state.terms.policy.fraudMs ?? DAY_MS) }); // prettier-ignore
  mark.event('escrow.frozen', PLATFORM, null, { reason: 'under review' });
}
