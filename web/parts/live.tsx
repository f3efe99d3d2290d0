// A part of a page that follows an escrow: when the server says *changed*, it is fetched again. Without scripts it is only
// a part of the page.
import type { Child } from 'hono/jsx';

interface LiveProps {
  /** Of the part; the page at `path` holds one with the same id. */
  id: string;
  path: string;
  escrowId: string;
  /** What is shown now. */
  revision: number;
  children: Child;
}

/**
 * What listens is not what is replaced: a change that comes while one is being fetched waits for its turn, and would be
 * lost with an element that goes.
 */
export function Live({ id, path, escrowId, revision, children }: LiveProps) {
  return (
    <div hx-ext="sse" sse-connect={`/escrows/${escrowId}/events?revision=${revision}`}>
      <div
        hx-get={path}
        hx-trigger="sse:changed"
        hx-sync="this:queue last"
        hx-include={`#${id}-seen`}
        hx-select={`#${id}`}
        hx-target={`#${id}`}
        hx-swap="outerHTML"
      >
        <div id={id}>
          <input type="hidden" id={`${id}-seen`} name="seen" value={String(revision)} />
          {children}
        </div>
      </div>
    </div>
  );
}
