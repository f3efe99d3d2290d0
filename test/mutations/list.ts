// Every guard that is taken out, by groups.
import type { Group } from './mutation.ts';
import { GUARD_G_MUTATIONS, GUARD_MUTATIONS, TABLE_MUTATIONS, TIMER_MUTATIONS } from './rules.ts';
import { LEDGER_MUTATIONS, SCHEMA_MUTATIONS } from './schema.ts';

export const GROUPS: readonly Group[] = [
  { name: 'table', title: 'The transition table', mutations: TABLE_MUTATIONS },
  { name: 'guards', title: 'What a command is refused for', mutations: GUARD_MUTATIONS },
  { name: 'guard-g', title: 'Guard G', mutations: GUARD_G_MUTATIONS },
  { name: 'timers', title: 'Time', mutations: TIMER_MUTATIONS },
  { name: 'ledger', title: 'The ledger', mutations: LEDGER_MUTATIONS },
  { name: 'schema', title: 'Rows that are single, owed or unchanged', mutations: SCHEMA_MUTATIONS },
];
