// The one table of transitions, walked: no dead end, no state that nobody leads out of, no money without a way out.
import { describe, expect, test } from '@jest/globals';
import { ESCROW_ENDS, type EscrowStatus, MILESTONE_ENDS, type MilestoneStatus } from '../../domain/escrow-state.ts';
import { RuleError } from '../../domain/errors.ts';
import { type Action, type By, ESCROW_TRANSITIONS, isEscrowAction, MILESTONE_TRANSITIONS, moveEscrow, moveMilestone } from '../../domain/transitions.ts'; // prettier-ignore
import { milestoneIn, stateOf, twoSellers } from './fixtures.ts';

// Objects, so that the compiler asks for a status that is added to the types.
const ESCROW_STATUSES = Object.keys({
  proposed: 0, agreed: 0, funding: 0, active: 0, amending: 0, settling: 0, completed: 0, cancelled: 0, expired: 0,
} satisfies Record<EscrowStatus, 0>) as EscrowStatus[]; // prettier-ignore
const MILESTONE_STATUSES = Object.keys({
  planned: 0, awaiting_funding: 0, requires_action: 0, processing: 0, funded: 0, started: 0, submitted: 0, changes_requested: 0,
  overdue: 0, accepted: 0, releasing: 0, blocked_kyc: 0, blocked_funds: 0, refunding: 0, recovering: 0, disputed: 0,
  released: 0, refunded: 0, cancelled: 0,
} satisfies Record<MilestoneStatus, 0>) as MilestoneStatus[]; // prettier-ignore

interface Row {
  name: string;
  from: readonly string[];
  to: readonly string[];
  by: readonly By[];
  action?: Action;
  when: string;
}
interface Table {
  name: string;
  rows: readonly Row[];
  statuses: readonly string[];
  first: string;
  ends: readonly string[];
}

const TABLES: readonly Table[] = [
  { name: 'escrow', rows: ESCROW_TRANSITIONS, statuses: ESCROW_STATUSES, first: 'proposed', ends: ESCROW_ENDS },
  { name: 'milestone', rows: MILESTONE_TRANSITIONS, statuses: MILESTONE_STATUSES, first: 'planned', ends: MILESTONE_ENDS },
]; // prettier-ignore

function reachable(rows: readonly Row[], from: string): Set<string> {
  const seen = new Set([from]);
  for (const status of seen) {
    for (const row of rows) if (row.from.includes(status)) for (const to of row.to) seen.add(to);
  }
  return seen;
}

describe.each(TABLES)('the table of the $name', ({ rows, statuses, first, ends }) => {
  test('names only statuses of its type, and every one of them', () => {
    const named = new Set(rows.flatMap((r) => [...r.from, ...r.to]));
    expect([...named].sort()).toEqual([...statuses].sort());
  });

  test('each row has one name, an actor, and words for people', () => {
    expect(new Set(rows.map((r) => r.name)).size).toBe(rows.length);
    for (const row of rows) {
      expect([row.name, row.when.trim().length > 5, row.by.length > 0, row.from.length > 0, row.to.length > 0]).toEqual([row.name, true, true, true, true]); // prettier-ignore
    }
  });

  test('a person’s row has a command, and a command’s row has a person', () => {
    const people = new Set<By>(['buyer', 'seller', 'ops']);
    for (const row of rows) {
      expect([row.name, row.by.some((b) => people.has(b))]).toEqual([row.name, row.action !== undefined]);
    }
  });

  test('no status is out of reach', () => {
    expect([...reachable(rows, first)].sort()).toEqual([...statuses].sort());
  });

  test('no status is a dead end, and each is left by somebody, a timer, Stripe or the workflow', () => {
    for (const status of statuses.filter((s) => !ends.includes(s))) {
      const out = rows.filter((r) => r.from.includes(status) && r.to.some((to) => to !== status));
      expect([status, out.flatMap((r) => r.by).length > 0]).toEqual([status, true]);
      const reached = reachable(rows, status);
      expect([status, ends.some((end) => reached.has(end))]).toEqual([status, true]);
    }
  });

  test.each(['buyer', 'seller', 'ops'] as const)('the silence of the %s alone holds nothing for ever', (silent) => {
    const others = rows.filter((r) => r.by.some((b) => b !== silent));
    for (const status of statuses) {
      const reached = reachable(others, status);
      expect([status, ends.some((end) => reached.has(end))]).toEqual([status, true]);
    }
  });

  test('a command leads from one status by one row only', () => {
    for (const status of statuses) {
      const actions = rows.filter((r) => r.from.includes(status)).flatMap((r) => r.action ?? []);
      expect([status, actions]).toEqual([status, [...new Set(actions)]]);
    }
  });
});

describe('money', () => {
  const HOLDS: readonly MilestoneStatus[] = ['funded', 'started', 'submitted', 'changes_requested', 'overdue', 'accepted', 'releasing', 'blocked_kyc', 'blocked_funds', 'refunding', 'recovering', 'disputed']; // prettier-ignore
  const EMPTY: readonly MilestoneStatus[] = ['planned', 'awaiting_funding', 'requires_action', 'processing', 'cancelled']; // prettier-ignore

  test('that is held can be released or refunded, from wherever it is', () => {
    for (const status of HOLDS) {
      const reached = reachable(MILESTONE_TRANSITIONS, status);
      expect([status, reached.has('released') || reached.has('refunded')]).toEqual([status, true]);
    }
  });

  test('is never forgotten: no way leads from held money to a status without any, but by its release or refund', () => {
    for (const row of MILESTONE_TRANSITIONS) {
      if (!row.from.some((s) => HOLDS.includes(s))) continue;
      expect([row.name, row.to.filter((to) => EMPTY.includes(to))]).toEqual([row.name, []]);
    }
  });

  test('comes in by Stripe’s word alone', () => {
    for (const row of MILESTONE_TRANSITIONS) {
      if (row.from.every((s) => EMPTY.includes(s)) && row.to.some((to) => HOLDS.includes(to))) expect(row.by).toEqual(['stripe']); // prettier-ignore
    }
  });

  test('that was accepted is taken from its seller by nobody’s command but a forced decision of ops', () => {
    const accepted = MILESTONE_TRANSITIONS.filter((r) => r.from.some((s) => ['accepted', 'releasing', 'blocked_kyc', 'blocked_funds'].includes(s))); // prettier-ignore
    // A refund that waits for a bank transfer was promised before: paying it takes nothing more.
    expect(accepted.filter((r) => r.action !== undefined && r.name !== 'refund_by_bank').map((r) => [r.name, r.from, r.by])).toEqual([['force_refund', ['blocked_kyc'], ['ops']]]); // prettier-ignore
  });
});

describe('moving along a row', () => {
  const terms = twoSellers();

  const isRefused = (move: () => void): boolean => {
    try {
      move();
      return false;
    } catch (error) {
      if (error instanceof RuleError && error.code === 'invariant_broken') return true;
      throw error;
    }
  };

  test('a milestone moves exactly where the table leads', () => {
    const wrong: string[] = [];
    for (const row of MILESTONE_TRANSITIONS) {
      for (const from of MILESTONE_STATUSES) {
        for (const to of MILESTONE_STATUSES) {
          const m = milestoneIn('planned', terms.milestones[0]!, { status: from });
          const allowed = row.from.includes(from) && row.to.includes(to);
          const refused = isRefused(() => moveMilestone(m, row.name, to));
          if (refused === allowed || m.status !== (allowed ? to : from)) wrong.push(`${row.name}: ${from} → ${to}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('an escrow too', () => {
    for (const row of ESCROW_TRANSITIONS) {
      for (const from of ESCROW_STATUSES) {
        const state = stateOf(terms, { status: from });
        if (row.from.includes(from)) {
          moveEscrow(state, row.name);
          expect(state.status).toBe(row.to[0]);
        } else {
          expect(() => moveEscrow(state, row.name)).toThrow(expect.objectContaining({ code: 'invariant_broken' }));
        }
      }
    }
  });

  test('a command is either the escrow’s or a milestone’s', () => {
    for (const row of ESCROW_TRANSITIONS) if (row.action) expect([row.name, isEscrowAction(row.action)]).toEqual([row.name, true]); // prettier-ignore
    for (const row of MILESTONE_TRANSITIONS) if (row.action) expect([row.name, isEscrowAction(row.action)]).toEqual([row.name, false]); // prettier-ignore
  });
});
