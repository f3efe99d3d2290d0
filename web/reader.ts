// Who reads a page, and how that person writes money and time. Every part takes a Reader; none looks at the request.
import type { Person } from '../db/people.ts';

export interface Reader {
  person: Person;
  /** Belongs to the session; every POST form carries it. */
  csrfToken: string;
  locale: string;
  /** IANA name. */
  timeZone: string;
  /** The moment of the page: every countdown on it counts from here. */
  now: number;
}

/** The name if this runtime knows it, else null: it comes from a cookie. */
export function knownTimeZone(name: string | undefined): string | null {
  if (name === undefined || name.length > 64) return null;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}
