// docs/settings.md as config/definitions.ts says it now: every setting, its default, what it is.
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { type SettingDefinition, settingDefinitions } from '../config/definitions.ts';

export const SETTINGS_FILE = fileURLToPath(new URL('../docs/settings.md', import.meta.url));

const INTRODUCTION = `# Settings

Written by \`npx tsx cli/docs-diagram.ts --write\` from [config/definitions.ts](../config/definitions.ts); \`npm start -- --help\` prints the same.
Environment variables, read once at start; an empty one counts as not set, a wrong one is one clear line.`;

export async function settingsDocument(): Promise<string> {
  const all: [string, SettingDefinition][] = Object.entries(settingDefinitions);
  const shown = all.filter(([, d]) => d.internal !== true);
  const groups = [...new Set(shown.map(([, d]) => d.group))];
  const row = ([name, d]: [string, SettingDefinition]) =>
    `| \`${name}\` | ${d.default ? `\`${d.default}\`` : '–'} | ${d.help.replaceAll('|', '\\|')} |`;
  const text = [
    INTRODUCTION,
    ...groups.map((group) => [`## ${group}`, '', '| Setting | Default | What it is |', '| --- | --- | --- |', ...shown.filter(([, d]) => d.group === group).map(row)].join('\n')),
  ].join('\n\n'); // prettier-ignore
  return format(text, { ...(await resolveConfig(SETTINGS_FILE)), filepath: SETTINGS_FILE });
}
