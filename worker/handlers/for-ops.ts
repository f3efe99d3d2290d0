// Events that a person looks at, such as reviews, become alerts.
import { raiseAlert } from '../../db/movements.ts';
import type { AlertKind } from '../../domain/alerts.ts';
import type { Handler } from './context.ts';
import { objectIdOf } from './context.ts';

/** One alert per object and type of event; several events of the same kind are one thing to look at. */
export const forOps =
  (kind: AlertKind): Handler =>
  async (event, { sql }) => {
    const objectId = objectIdOf(event);
    await raiseAlert(sql, {
      kind,
      key: `${event.type}:${objectId}`,
      escrowId: null,
      detail: { event_id: event.id, type: event.type, object_id: objectId, account: event.account },
    });
    return { state: 'done', escrowId: null };
  };
