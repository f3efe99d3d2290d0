// The small parts: chip, amount, moment, copyable id, empty and error states, notice.
import type { Child } from 'hono/jsx';
import { type Amount, decimalOf, formatMoment, formatMoney, formatSpan } from '../format.ts';
import type { Reader } from '../reader.ts';
import type { Tone } from '../status-words.ts';

export function StatusChip({ label, tone }: { label: string; tone: Tone }) {
  return <span class={`chip ${tone}`}>{label}</span>;
}

/** As the reader writes it; the exact value and its currency are in the title. */
export function Money({ reader, of }: { reader: Pick<Reader, 'locale'>; of: Amount }) {
  return (
    <span class="money" title={`${of.currency.toUpperCase()} ${decimalOf(of)}`}>
      {formatMoney(reader.locale, of)}
    </span>
  );
}

export function Moment({ reader, at }: { reader: Reader; at: string | number | Date }) {
  const iso = new Date(at).toISOString();
  return (
    <time datetime={iso} title={iso}>
      {formatMoment(reader, at)}
    </time>
  );
}

/** The exact moment and the time left; a paused one says why, and how much it has left. */
export function Countdown({ reader, until, paused }: { reader: Reader; until: string; paused?: { why: string; remainingMs: number } | undefined }) {
  if (paused !== undefined) {
    return (
      <p class="countdown paused">
        The time stands still ({paused.why}). {formatSpan(paused.remainingMs)} are left when it goes on.
      </p>
    );
  }
  const left = new Date(until).getTime() - reader.now;
  return (
    <p class="countdown">
      By <Moment reader={reader} at={until} />
      <span class="left">{left > 0 ? `${formatSpan(left)} left` : 'the time is over'}</span>
    </p>
  );
} // prettier-ignore

/** One click or tap selects the whole of it. */
export function CopyableId({ id }: { id: string }) {
  return <code class="id">{id}</code>;
}

export function EmptyState({ title, children }: { title: string; children: Child }) {
  return (
    <div class="empty">
      <p class="strong">{title}</p>
      {children}
    </div>
  );
}

interface ErrorStateProps {
  /** What happened. */
  title: string;
  /** What did not happen, what to do. */
  children: Child;
}

export function ErrorState({ title, children }: ErrorStateProps) {
  return (
    <div class="problem" role="alert">
      <p class="strong">{title}</p>
      {children}
    </div>
  );
}

export function Notice({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <p class="notice" role="status">
      {text}
    </p>
  );
}
