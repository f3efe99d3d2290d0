// The escrows that live through the chaos: the demo's ordinary kinds, so many at a time, each driven to its end.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError } from '../../client/index.ts';
import { type Cast, Deal, type Person, type Proposal } from '../demo/deal.ts';
import type { Kind } from '../demo/kinds.ts';
import type { Stack } from '../stack.ts';
import { patientClient, type Patience } from './patient-client.ts';

const personSchema = z.object({ id: z.string(), api_key: z.string() });
const peopleSchema = z.object({
  buyer: personSchema,
  seller: personSchema,
  seller2: personSchema,
  seller3: personSchema.optional(),
  ops: personSchema,
  ops2: personSchema,
});

export interface Life {
  deal: Deal;
  kind: Kind;
  state: 'waiting' | 'running' | 'ended' | 'failed';
  /** What was wrong with it. */
  faults: string[];
}

/** The stack's seeded people, with patient hands. */
export function patientCast(stack: Stack, patience: Patience): Cast {
  const file = path.join(stack.settings.dataDir, 'people.json');
  const people = peopleSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const as = ({ id, api_key: key }: z.infer<typeof personSchema>): Person => ({
    id,
    api: patientClient(stack.apiUrls, key, patience),
  });
  return {
    buyer: as(people.buyer),
    sellers: { seller: as(people.seller), seller2: as(people.seller2), seller3: as(people.seller3 ?? people.seller2) },
    ops: as(people.ops),
    ops2: as(people.ops2),
    sandboxUrl: stack.urls.stripeSandbox!,
    // As long as there is time, from whenever the wait begins.
    get deadlineMs() {
      return Math.max(1000, patience.until() - Date.now());
    },
  };
}

/** A deal whose bank, too, may be gone for a while. */
export class ChaosDeal extends Deal {
  private readonly patience: Patience;

  constructor(kind: string, cast: Cast, patience: Patience) {
    super(kind, cast);
    this.patience = patience;
  }

  /** What could not be made in time was not made: it is proposed anew, as the answer says. */
  override async propose(proposal: Proposal): Promise<void> {
    for (;;) {
      try {
        return await super.propose(proposal);
      } catch (error) {
        const unborn =
          error instanceof ApiError && error.status === 409 && error.message.includes('new Idempotency-Key');
        if (!unborn || Date.now() > this.patience.until()) throw error;
      }
    }
  }

  override async authenticate(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await super.authenticate();
      } catch (error) {
        // Refused at a repetition: an earlier try, whose answer was lost, has done it.
        if (attempt > 1 && error instanceof Error && error.message.includes(': 400 ')) return;
        if (Date.now() > this.patience.until()) throw error;
      }
      await delay(500);
    }
  }
}

/** Runs all, at most `atOnce` beside each other. Resolves when each has ended or failed. */
export async function liveThrough(
  lives: readonly Life[],
  atOnce: number,
  changed: (life: Life) => void,
): Promise<void> {
  const waiting = [...lives];
  const next = async (): Promise<void> => {
    for (let life = waiting.shift(); life !== undefined; life = waiting.shift()) {
      life.state = 'running';
      try {
        await life.kind.run(life.deal);
        life.state = 'ended';
      } catch (error) {
        life.state = 'failed';
        life.faults.push(error instanceof Error ? error.message : String(error));
      }
      changed(life);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}
