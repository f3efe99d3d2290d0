// Every guard that is taken out, by groups.
import { ACCESS_MUTATIONS, APPROVAL_MUTATIONS, AUDIT_MUTATIONS, COMMAND_MUTATIONS, INBOX_MUTATIONS } from './access.ts';
import { LOSS_MUTATIONS } from './losses.ts';
import { KEY_MUTATIONS, MONEY_MUTATIONS, WORKFLOW_MUTATIONS } from './money.ts';
import type { Group } from './mutation.ts';
import { GUARD_G_MUTATIONS, GUARD_MUTATIONS, TABLE_MUTATIONS, TIMER_MUTATIONS } from './rules.ts';
import { LEDGER_MUTATIONS, SCHEMA_MUTATIONS } from './schema.ts';
import { SECURITY_MUTATIONS } from './security.ts';

export const GROUPS: readonly Group[] = [
  { name: 'table', title: 'The transition table', mutations: TABLE_MUTATIONS },
  { name: 'guards', title: 'What a command is refused for', mutations: GUARD_MUTATIONS },
  { name: 'guard-g', title: 'Guard G', mutations: GUARD_G_MUTATIONS },
  { name: 'timers', title: 'Time', mutations: TIMER_MUTATIONS },
  { name: 'ledger', title: 'The ledger', mutations: LEDGER_MUTATIONS },
  { name: 'schema', title: 'Rows that are single, owed or unchanged', mutations: SCHEMA_MUTATIONS },
  { name: 'stripe-keys', title: 'Keys given to Stripe', mutations: KEY_MUTATIONS },
  { name: 'money', title: 'Reservations, netting, taking back', mutations: MONEY_MUTATIONS },
  { name: 'losses', title: 'What a bank takes back', mutations: LOSS_MUTATIONS },
  { name: 'workflow', title: 'The workflow', mutations: WORKFLOW_MUTATIONS },
  { name: 'commands', title: 'Keys of commands, and the projection', mutations: COMMAND_MUTATIONS },
  { name: 'access', title: 'Who may see and do what', mutations: ACCESS_MUTATIONS },
  { name: 'security', title: 'A stranger’s tricks', mutations: SECURITY_MUTATIONS },
  { name: 'approvals', title: 'Four eyes', mutations: APPROVAL_MUTATIONS },
  { name: 'inbox', title: 'Events from Stripe', mutations: INBOX_MUTATIONS },
  { name: 'audit', title: 'The audit chain', mutations: AUDIT_MUTATIONS },
];
