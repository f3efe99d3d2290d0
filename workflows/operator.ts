// What an operator reads in Temporal UI: details in Markdown and search attributes. No personal data, ids only.
import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from '@temporalio/common';
import { nextDeadlineAt } from '../domain/deadlines.ts';
import type { EscrowState } from '../domain/escrow-state.ts';
import { plainMoney } from '../domain/money.ts';
import { milestoneWaiting, waitingFor } from '../domain/waiting.ts';

export const ESCROW_STATUS = defineSearchAttributeKey('EscrowStatus', SearchAttributeType.KEYWORD);
export const WAITING_FOR = defineSearchAttributeKey('WaitingFor', SearchAttributeType.KEYWORD);
export const FROZEN = defineSearchAttributeKey('Frozen', SearchAttributeType.KEYWORD_LIST);

/**
 * Attributes worth an upsert. `EscrowStatus` moves from proposed to active, and to an end that is not completion (a completed
 * escrow's workflow is closed, which the visibility store knows by itself); `WaitingFor` names who is awaited only where
 * that is not the ordinary course.
 */
export function searchAttributesOf(state: EscrowState): SearchAttributePair[] {
  const early = ['proposed', 'agreed', 'funding'].includes(state.status);
  const going =
    ['active', 'completed'].includes(state.status) || (state.status === 'settling' && state.ending === null);
  const blocked = state.milestones.some((m) => m.releases.some((r) => r.status.startsWith('blocked_')));
  const who = state.frozen.length > 0 ? 'ops' : blocked ? waitingFor(state).who : 'parties';
  return [
    { key: ESCROW_STATUS, value: early ? 'proposed' : going ? 'active' : state.status },
    { key: WAITING_FOR, value: who },
    { key: FROZEN, value: [...new Set(state.frozen.map((f) => f.reason))] },
  ] as SearchAttributePair[];
}

/** The money of this escrow, what it waits for, until when, and what happens then. */
export function currentDetails(state: EscrowState): string {
  const { terms } = state;
  const waiting = waitingFor(state);
  const next = nextDeadlineAt(state);
  const lines = [
    `### ${state.status}${state.frozen.length > 0 ? ` · frozen: ${state.frozen.map((f) => f.reason).join(', ')}` : ''}`,
    '',
    `**Next:** ${waiting.who.replaceAll('_', ' ')} — ${waiting.what}`,
    ...(waiting.until
      ? [`**Until:** ${waiting.until}${waiting.otherwise ? `. Otherwise: ${waiting.otherwise}` : ''}`]
      : []),
    '',
    '| milestone | amount | accepted | refunded | status | waits for |',
    '| --- | ---: | ---: | ---: | --- | --- |',
    ...state.milestones.map((m) => {
      const w = milestoneWaiting(state, m);
      return `| \`${m.id}\` | ${plainMoney(m.amount, terms.currency)} | ${plainMoney(m.accepted, terms.currency)} | ${plainMoney(m.refunded, terms.currency)} | ${m.status.replaceAll('_', ' ')} | ${w.who}${w.until ? ` until ${w.until}` : ''} |`;
    }),
    '',
    ...state.payments.map((p) => `- payment \`${p.id}\` ${plainMoney(p.amount, terms.currency)}: ${p.status}${p.paymentIntentId ? ` (\`${p.paymentIntentId}\`)` : ''}`), // prettier-ignore
    ...(next === null ? [] : [`- next timer: ${new Date(next).toISOString()}`]),
  ];
  return lines.join('\n');
}
