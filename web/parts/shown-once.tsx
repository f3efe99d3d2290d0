// A secret that a page shows in one answer and never again.
import { CopyableId, ErrorState } from './basics.tsx';

interface ShownOnceProps {
  /** "The key" */
  what: string;
  /** Undefined: it was shown before, to the first time that this form was sent. */
  secret: string | undefined;
  /** What to do without it. */
  otherwise: string;
}

export function ShownOnce({ what, secret, otherwise }: ShownOnceProps) {
  return secret === undefined ? (
    <ErrorState title={`${what} was shown already`}>
      <p>This form was sent twice and done once. {otherwise}</p>
    </ErrorState>
  ) : (
    <div class="card">
      <p class="strong">{what} is shown now and never again. Copy it to where your program keeps its secrets.</p>
      <p>
        <CopyableId id={secret} />
      </p>
    </div>
  );
}
