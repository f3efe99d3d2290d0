// Events that a person looks at, such as reviews, become alerts.
import { alertOps } from '../../db/inbox-queue.ts';
import type { Handler } from './context.ts';
import { objectIdOf } from './context.ts';

/** One alert per object and type of event; several events of the same kind are one thing to look at. */
export const forOps =
  (kind: string): Handler =>
  async (event, { sql }) => {
    const objectId = objectIdOf(event);
    await alertOps(sql, {
      kind,
      dedupeKey: `${event.type}:${objectId}`,
      escrowId: null,
      detail: { event_id: event.id, type: event.type, object_id: objectId, account: event.account },
    });
    return { state: 'done', escrowId: null };
  };
