// What reconciliation asks of a payment processor: its own books, a page at a time.
import type { BookedTransaction, BookList, BookObject } from '../domain/reconciliation.ts';

export interface BookPage<T> {
  data: T[];
  more: boolean;
}

/** From this moment (milliseconds) to the newest; `after` is the last id of the page before. */
export interface BookWindow {
  from: number;
  after?: string | undefined;
  /** A connected account's list instead of the platform's. */
  account?: string | undefined;
}

/** Stripe's own books, read only. */
export interface StripeJournal {
  transactions(window: BookWindow): Promise<BookPage<BookedTransaction>>;
  objects(list: BookList, window: BookWindow): Promise<BookPage<BookObject>>;
  /** Null where Stripe knows none of that id. */
  transaction(id: string): Promise<BookedTransaction | null>;
  object(list: BookList, id: string): Promise<BookObject | null>;
}
