// Who is signed in on a page: an opaque token in a cookie, its hash in the database. Also what keeps other sites' forms out.
import { timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import type { AppContext } from '../api/context.ts';
import { Problem } from '../api/problem.ts';
import type { Settings } from '../config/settings.ts';
import { recordSignIn } from '../db/audit.ts';
import { createSession, endSession, findSession, type Session } from '../db/people.ts';
import { knownTimeZone, type Reader } from './reader.ts';

const isHttps = (settings: Pick<Settings, 'publicUrl'>) => settings.publicUrl.startsWith('https:');

/** `__Host-` holds only over https: browsers refuse it elsewhere. */
const cookieName = (settings: Pick<Settings, 'publicUrl'>) => (isHttps(settings) ? '__Host-tranche' : 'tranche');
const ZONE_COOKIE = 'tranche-zone';

function cookieOf(request: Request, name: string): string | undefined {
  const pairs = (request.get('Cookie') ?? '').split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found);
  } catch {
    return undefined;
  }
}

export async function sessionOf(context: AppContext, request: Request): Promise<Session | null> {
  const token = cookieOf(request, cookieName(context.settings));
  return token ? findSession(context.sql, token) : null;
}

/** Always a new token: one that was planted before sign-in is worth nothing after it. */
export async function signIn(
  context: AppContext,
  request: Request,
  response: Response,
  personId: string,
): Promise<void> {
  const before = cookieOf(request, cookieName(context.settings));
  if (before) await endSession(context.sql, before);
  const { token, expiresAt } = await context.sql.begin(async (tx) => {
    await recordSignIn(tx, personId);
    return createSession(tx, personId);
  });
  response.cookie(cookieName(context.settings), token, {
    httpOnly: true,
    sameSite: 'lax',
    secure: isHttps(context.settings),
    path: '/',
    expires: expiresAt,
  });
}

export async function signOut(context: AppContext, request: Request, response: Response): Promise<void> {
  const name = cookieName(context.settings);
  const token = cookieOf(request, name);
  if (token) await endSession(context.sql, token);
  response.clearCookie(name, { httpOnly: true, sameSite: 'lax', secure: isHttps(context.settings), path: '/' });
}

export function readerOf(request: Request, session: Session): Reader {
  const { person, csrfToken } = session;
  // The browser's own zone, as its script noted it, stands in for a person who never chose one.
  const browser = person.timeZone === 'UTC' ? knownTimeZone(cookieOf(request, ZONE_COOKIE)) : null;
  return {
    person,
    csrfToken,
    locale: knownLocale(person.locale),
    timeZone: browser ?? knownTimeZone(person.timeZone) ?? 'UTC',
    now: Date.now(),
  };
}

function knownLocale(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/**
 * Refuses a POST that another site made the browser send. Every browser names the page's origin on a POST; where a
 * proxy took that away, Sec-Fetch-Site says it.
 * @throws Problem forbidden
 */
export function checkOrigin(request: Request, settings: Pick<Settings, 'publicUrl'>): void {
  const origin = request.get('Origin');
  const own = [new URL(settings.publicUrl).host, request.get('Host')];
  const same =
    origin === undefined
      ? request.get('Sec-Fetch-Site') === 'same-origin'
      : URL.canParse(origin) && own.includes(new URL(origin).host);
  if (!same) throw new Problem('forbidden', 'This form was sent from another site, so nothing was done.');
}

/** @throws Problem forbidden */
export function checkCsrf(session: Session, given: unknown): void {
  const expected = Buffer.from(session.csrfToken);
  const actual = Buffer.from(typeof given === 'string' ? given : '');
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw new Problem('forbidden', 'This form is from an earlier sign-in, so nothing was done. Open the page again.');
  }
}
