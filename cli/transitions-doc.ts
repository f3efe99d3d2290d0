// docs/transitions.md as domain/transitions.ts says it now: the tables and diagrams of escrow and milestone.
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { ESCROW_ENDS, MILESTONE_ENDS } from '../domain/escrow-state.ts';
import { type By, ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../domain/transitions.ts';

export const TRANSITIONS_FILE = fileURLToPath(new URL('../docs/transitions.md', import.meta.url));

interface Row {
  name: string;
  from: readonly string[];
  to: readonly string[];
  by: readonly By[];
  action?: string;
  when: string;
}

const INTRODUCTION = `# What may happen to an escrow

Written by \`npx tsx cli/docs-diagram.ts --write\` from [domain/transitions.ts](../domain/transitions.ts), and held to it by
\`npm run check:docs\`: change the table there, never here. The same rows are the workflow's guards, the API's
\`available_actions\` and the pages' buttons; [test/domain/transitions.test.ts](../test/domain/transitions.test.ts) walks them.

*Who*: people by a command (its name stands behind them), a **timer**, **stripe**'s word, or the **workflow** itself. A row may
have a guard beyond its statuses (a frozen milestone, an amount, whose turn it is): the guards stand beside the table in the code.`;

function table(rows: readonly Row[]): string {
  const line = (r: Row) => {
    const who = r.by.join(', ') + (r.action ? ` (\`${r.action}\`)` : '');
    const to = r.to.map((s) => (r.from.length === 1 && s === r.from[0] ? `${s} (as it was)` : s)).join(', ');
    return `| ${r.name} | ${r.from.join(', ')} | ${to} | ${who} | ${r.when} |`;
  };
  return ['| Transition | From | To | Who | When |', '| --- | --- | --- | --- | --- |', ...rows.map(line)].join('\n');
}

/** One arrow for each pair of statuses, with every transition that goes that way; staying where one is has no arrow. */
function diagram(rows: readonly Row[], first: string, ends: readonly string[]): string {
  const arrows = new Map<string, string[]>();
  for (const row of rows) {
    for (const from of row.from) {
      for (const to of row.to) {
        // A row that lets several statuses stay as they are leads each of them only out of its own group.
        const leads = !row.from.includes(to) || (!row.to.includes(from) && to === row.to[0]);
        if (from === to || !leads) continue;
        const arrow = `${from} --> ${to}`;
        arrows.set(arrow, [...(arrows.get(arrow) ?? []), row.name]);
      }
    }
  }
  const lines = [...arrows].map(([arrow, names]) => `    ${arrow}: ${names.join(', ').replaceAll('_', ' ')}`);
  const reached = ends.filter((end) => rows.some((r) => r.to.includes(end)));
  return ['```mermaid', 'stateDiagram-v2', `    [*] --> ${first}`, ...lines, ...reached.map((end) => `    ${end} --> [*]`), '```'].join('\n'); // prettier-ignore
}

/** Of the milestone's rows, those whose usual way is between these. */
const among = (rows: readonly Row[], statuses: readonly string[]): Row[] =>
  rows
    .filter((r) => statuses.includes(r.from[0]!) && statuses.includes(r.to[0]!))
    .map((r) => ({ ...r, from: r.from.filter((s) => statuses.includes(s)), to: r.to.filter((s) => statuses.includes(s)) })); // prettier-ignore

const COURSE = ['planned', 'awaiting_funding', 'requires_action', 'processing', 'funded', 'started', 'submitted', 'changes_requested', 'overdue', 'accepted', 'releasing', 'released', 'cancelled']; // prettier-ignore

export async function transitionsDocument(): Promise<string> {
  const text = [
    INTRODUCTION,
    '## Escrow',
    diagram(ESCROW_TRANSITIONS, 'proposed', ESCROW_ENDS),
    table(ESCROW_TRANSITIONS),
    '## Milestone',
    'The ordinary course, from the agreement to the seller’s account:',
    diagram(among(MILESTONE_TRANSITIONS, COURSE), 'planned', MILESTONE_ENDS),
    'Every transition, refunds, blocked transfers, disputes and recovery included:',
    table(MILESTONE_TRANSITIONS),
  ].join('\n\n');
  return format(text, { ...(await resolveConfig(TRANSITIONS_FILE)), filepath: TRANSITIONS_FILE });
}
