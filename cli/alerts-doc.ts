// The part of docs/operator.md that says what to do about each alert, as domain/alerts.ts and web/alert-words.ts say it now.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { ALERT_KINDS } from '../domain/alerts.ts';
import { alertWords } from '../web/alert-words.ts';

export const OPERATOR_FILE = fileURLToPath(new URL('../docs/operator.md', import.meta.url));

const BEGIN = '<!-- alerts: written by `npx tsx cli/docs-diagram.ts --write` -->';
const END = '<!-- alerts: end -->';

/** The whole document, with a line for every kind of alert. @throws where its marks are gone */
export async function operatorDocument(): Promise<string> {
  const [before, rest] = readFileSync(OPERATOR_FILE, 'utf8').split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`docs/operator.md has lost its marks: ${BEGIN} … ${END}`);
  const rows = ALERT_KINDS.map((kind) => {
    const { label, todo } = alertWords(kind);
    return `| \`${kind}\` | ${label} | ${todo} |`;
  });
  const table = ['| Alert | What it says | What to do |', '| --- | --- | --- |', ...rows].join('\n');
  const text = `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
  return format(text, { ...(await resolveConfig(OPERATOR_FILE)), filepath: OPERATOR_FILE });
}
