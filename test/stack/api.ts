// The public API as a test calls it: a person's key, a fresh Idempotency-Key unless one is given, JSON both ways.
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { TestPerson, World } from './world.ts';

export interface MoneyObject {
  amount: number;
  currency: string;
}

export interface MilestoneObject {
  id: string;
  status: string;
  amount: MoneyObject;
  released: MoneyObject;
  refunded: MoneyObject;
  inspection_ends_at: string | null;
  available_actions: string[];
  [more: string]: unknown;
}

export interface EscrowObject {
  id: string;
  status: string;
  currency: string;
  settlement_currency: string | null;
  terms_hash: string;
  milestones: MilestoneObject[];
  money: Record<string, MoneyObject>;
  available_actions: string[];
  waiting_for: { who: string; what: string; until: string | null; otherwise: string | null };
  frozen: string[];
  quote: Record<string, MoneyObject>;
  [more: string]: unknown;
}

export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

export type Api = ReturnType<typeof apiOf>;

/** Calls as one person. */
export function apiOf(world: Pick<World, 'url' | 'client'>, person: TestPerson) {
  async function call<T>(method: string, path: string, body?: unknown, key?: string): Promise<Answer<T>> {
    const response = await fetch(`${world.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${person.apiKey}`,
        ...(method === 'POST' ? { 'idempotency-key': key ?? randomUUID(), 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: (text ? JSON.parse(text) : null) as T, headers: response.headers };
  }
  async function ok<T>(method: string, path: string, body?: unknown, key: string = randomUUID()): Promise<T> {
    let answer = await call<T>(method, path, body, key);
    // On a busy machine the answer may be that it is not known yet. Whoever asks again with the same key gets it.
    while (answer.status === 503) answer = await call<T>(method, path, body, key);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (isEscrow(answer.body)) expectMoneyAddsUp(answer.body);
    return answer.body;
  }
  return {
    person,
    client: world.client,
    get: <T>(path: string) => call<T>('GET', path),
    delete: <T>(path: string) => call<T>('DELETE', path),
    post: <T>(path: string, body?: unknown, key?: string) => call<T>('POST', path, body, key),
    escrow: (id: string) => ok<EscrowObject>('GET', `/v1/escrows/${id}`),
    propose: (body: object) => ok<EscrowObject>('POST', '/v1/escrows', body),
    agree: (id: string, termsHash?: string) =>
      ok<EscrowObject>('POST', `/v1/escrows/${id}/agree`, termsHash === undefined ? {} : { terms_hash: termsHash }),
    fund: (id: string, body: object = { payment_method: 'pm_card_visa' }) =>
      ok<{ payment: { id: string; status: string; url: string | null; client_secret: string | null }; escrow: EscrowObject }>('POST', `/v1/escrows/${id}/fund`, body), // prettier-ignore
    cancel: (id: string) => ok<EscrowObject>('POST', `/v1/escrows/${id}/cancel`),
    freeze: (id: string, milestoneId?: string) =>
      ok<EscrowObject>('POST', `/v1/ops/escrows/${id}/freeze`, { ...frozenThing(milestoneId), reason: 'under review' }),
    unfreeze: (id: string, milestoneId?: string) =>
      ok<EscrowObject>('POST', `/v1/ops/escrows/${id}/unfreeze`, frozenThing(milestoneId)),
    act: (id: string, milestoneId: string, action: string, body: object = {}, key?: string) =>
      ok<EscrowObject>('POST', `/v1/escrows/${id}/milestones/${milestoneId}/${action}`, body, key),
    list: <T>(id: string, what: 'transfers' | 'refunds' | 'payments' | 'timeline') =>
      ok<{ data: T[] }>('GET', `/v1/escrows/${id}/${what}?limit=100`).then((l) => l.data),
  };
}

const isEscrow = (body: unknown): body is EscrowObject => (body as { object?: string } | null)?.object === 'escrow';
const frozenThing = (milestoneId?: string) =>
  milestoneId === undefined ? { scope: 'escrow' } : { scope: 'milestone', milestone_id: milestoneId };

/** Everybody of a world, ready to call. */
export function castOf(world: World): Record<keyof World['people'], Api> {
  const entries = Object.entries(world.people).map(([name, person]) => [name, apiOf(world, person)] as const);
  return Object.fromEntries(entries) as Record<keyof World['people'], Api>;
}

/** charged + owed + absorbed = held + released + refunded + charged_back + fees + tax */
export function expectMoneyAddsUp(escrow: EscrowObject): void {
  const m = (term: string) => escrow.money[term]!.amount;
  expect(m('charged') + m('owed') + m('absorbed')).toBe(m('held') + m('released') + m('refunded') + m('charged_back') + m('fees') + m('tax')); // prettier-ignore
}

/** Waits until the escrow, as this person reads it, is as wanted; its money adds up at every look. */
export async function untilEscrow(
  api: Api,
  id: string,
  wanted: (e: EscrowObject) => boolean,
  deadlineMs = 120_000,
): Promise<EscrowObject> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const escrow = await api.escrow(id);
    expectMoneyAddsUp(escrow);
    if (wanted(escrow)) return escrow;
    if (Date.now() > end) throw new Error(`escrow ${id} did not get there: ${await whereItStands(api, escrow)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** For the message of a wait that ran out: the states, and what the workflow's activities fail with. */
async function whereItStands(api: Api, e: EscrowObject): Promise<string> {
  const { raw } = await api.client.workflow.getHandle(`escrow/${e.id}`).describe();
  const pending = (raw.pendingActivities ?? []).map((a) => [a.activityType?.name, a.attempt, a.lastFailure?.message, a.lastFailure?.stackTrace]); // prettier-ignore
  const task = raw.pendingWorkflowTask ? `workflow task at attempt ${raw.pendingWorkflowTask.attempt}` : '';
  const statuses = e.milestones.map((m) => m.status);
  return JSON.stringify(
    { status: e.status, statuses, money: e.money, waiting: e.waiting_for, freezes: e['freezes'], pending, task },
    null,
    1,
  );
}

export const untilStatus = (api: Api, id: string, status: string, deadlineMs?: number): Promise<EscrowObject> =>
  untilEscrow(api, id, (e) => e.status === status, deadlineMs);

/** Milestones of these amounts, all one seller's unless said otherwise. */
export function proposal(sellerId: string, amounts: number[], more: object = {}, milestone: object = {}): object {
  return {
    title: 'A website',
    currency: 'usd',
    funding: 'upfront',
    milestones: amounts.map((amount, i) => ({ title: `Part ${i + 1}`, amount, seller_id: sellerId, ...milestone })),
    ...more,
  };
}

/** Proposed by the buyer, agreed by each seller, paid with a card that succeeds. */
export async function fundedEscrow(buyer: Api, sellers: Api[], body: object): Promise<EscrowObject> {
  const proposed = await buyer.propose(body);
  for (const seller of sellers) await seller.agree(proposed.id);
  const { escrow } = await buyer.fund(proposed.id);
  return escrow;
}
