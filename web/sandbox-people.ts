// The made-up people of the sandbox, for signing in with one click. In no other mode is there such a file, nor a look at it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Settings } from '../config/settings.ts';

const schema = z.record(z.string(), z.object({ id: z.string(), email: z.string() }));

export interface SandboxPerson {
  name: string;
  id: string;
  email: string;
}

export async function sandboxPeople(settings: Pick<Settings, 'mode' | 'dataDir'>): Promise<SandboxPerson[]> {
  if (settings.mode !== 'sandbox') return [];
  try {
    const text = await readFile(path.join(settings.dataDir, 'people.json'), 'utf8');
    return Object.entries(schema.parse(JSON.parse(text))).map(([name, { id, email }]) => ({ name, id, email }));
  } catch {
    // Not seeded: people sign in with their passwords.
    return [];
  }
}
