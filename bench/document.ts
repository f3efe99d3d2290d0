// docs/performance.md: prose by hand, tables by the run. Each section stands between two comments and is replaced whole.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Section } from './section.ts';

export const PERFORMANCE_FILE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

const cells = (row: readonly string[]): string => `| ${row.join(' | ')} |`;

/** A section as Markdown, with the goals below its table. */
export function markdown(section: Section, measured: string): string {
  const { header, rows } = section.table;
  const goals = Object.values(section.goals).map(({ goal, figure, met }) => `- ${goal}: **${figure}**, ${met ? 'met' : 'missed'}`); // prettier-ignore
  return [
    `## ${section.title}`,
    '',
    section.says.join(' '),
    '',
    ...(rows.length === 0 ? [] : [cells(header), cells(header.map(() => '---')), ...rows.map(cells), '']),
    ...goals,
    '',
    `_${measured}_`,
  ].join('\n');
}

/** Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. @throws Error where they are missing */
export function replaceSection(document: string, name: string, text: string): string {
  const [from, to] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [begin, end] = [document.indexOf(from), document.indexOf(to)];
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has no ${from} … ${to}`);
  return `${document.slice(0, begin + from.length)}\n\n${text}\n\n${document.slice(end)}`;
}

export async function writeSections(sections: readonly Section[], measured: string): Promise<void> {
  let document = readFileSync(PERFORMANCE_FILE, 'utf8');
  for (const section of sections) document = replaceSection(document, section.name, markdown(section, measured));
  const config = await resolveConfig(PERFORMANCE_FILE);
  writeFileSync(PERFORMANCE_FILE, await format(document, { ...config, filepath: PERFORMANCE_FILE }));
}
