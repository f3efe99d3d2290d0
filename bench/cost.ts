// The cost sheet: events, billable actions and bytes of every way that an escrow goes, read off the stored histories.
import proto from '@temporalio/proto';
import { costOfHistory } from '../cli/history-cost.ts';
import { BUDGETS, storedHistories } from '../cli/replay.ts';
import type { Section } from './section.ts';
import { atMost, rounded } from './statistics.ts';

export function cost(): Promise<Section> {
  const { History } = proto.temporal.api.history.v1;
  const paths = storedHistories().map(({ name, history }) => ({ name, ...costOfHistory(History.fromObject(history)) }));
  const of = (name: string) => paths.find((path) => path.name === name)!;
  return Promise.resolve({
    name: 'cost',
    title: 'Cost sheet',
    ok: paths.length > 0,
    says: [
      "Each stored history (`test/histories`, the ones that `npm run replay` replays): its events, Temporal's billable actions and its size.",
      '`accepted` and `automatic` are three milestones each, accepted by the buyer or let pass with three reminders each.',
    ],
    table: {
      header: ['path', 'actions', 'events', 'KB', 'of what'],
      rows: paths.map(({ name, actions, events, bytes, byKind }) => [name.replaceAll('-', ' '), String(actions), String(events), rounded(bytes / 1024).toString(), kinds(byKind)]), // prettier-ignore
    },
    goals: Object.fromEntries(
      Object.entries(BUDGETS).flatMap(([name, { actions, events }]) => [
        [`${name}_actions`, atMost(`${name}: at most ${actions} actions`, of(name).actions, actions)],
        [`${name}_events`, atMost(`${name}: at most ${events} events`, of(name).events, events)],
      ]),
    ),
    figures: {},
  });
}

const kinds = (byKind: Record<string, number>): string =>
  Object.entries(byKind)
    .filter(([, n]) => n > 0)
    .map(([kind, n]) => `${n} ${kind}`)
    .join(', ');
