// What README and docs/ point to and leave out: links to files that are not there, npm commands that nobody explains.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One line for each fault. */
export function faultsOfDocs(): string[] {
  const files = ['README.md', ...readdirSync(path.join(root, 'docs')).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)]; // prettier-ignore
  return [...files.flatMap(brokenLinks), ...unexplainedCommands()];
}

function brokenLinks(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1]!.split('#')[0]!);
  return targets
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(path.resolve(root, path.dirname(file), target)))
    .map((target) => `${file} links to ${target}, which is not there.`);
}

/** Commands with a colon are parts of others. */
function unexplainedCommands(): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }; // prettier-ignore
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const explained = (name: string) =>
    readme.includes(`\`npm run ${name}\``) || readme.includes(`\`npm ${name}\``) || name === 'format';
  return Object.keys(scripts)
    .filter((name) => !name.includes(':') && !explained(name))
    .map((name) => `README.md does not explain \`npm run ${name}\`: add it to its table of commands.`);
}
