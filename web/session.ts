// Who is signed in on a page: an opaque token in a cookie, its hash in the database. Also what keeps other sites' forms out.
import { timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import type { AppContext } from '../api/context.ts';
import { Problem } from '../api/problem.ts';
import type { Settings } from '../config/settings.ts';
import { recordSignIn } from '../db/audit.ts';
import { noteDevice } from '../db/risks.ts';
import {
  createSession,
  endSession,
  findPendingSession,
  findSession,
  renewSession,
  type Session,
  type SignInMethod,
} from '../db/sessions.ts';
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

/** Of whoever has given the password, and not yet the code. */
export async function pendingSessionOf(context: AppContext, request: Request): Promise<Session | null> {
  const token = cookieOf(request, cookieName(context.settings));
  return token ? findPendingSession(context.sql, token) : null;
}

/** Always a new token: one that was planted before sign-in is worth nothing after it. */
export async function signIn(
  context: AppContext,
  request: Request,
  response: Response,
  personId: string,
  method: SignInMethod,
): Promise<void> {
  await startSession(context, request, response, personId, { method });
}

/** The password was right: a cookie that opens the page for the code, and nothing else. */
export async function awaitCode(
  context: AppContext,
  request: Request,
  response: Response,
  personId: string,
): Promise<void> {
  await startSession(context, request, response, personId, { pending: true });
}

async function startSession(
  context: AppContext,
  request: Request,
  response: Response,
  personId: string,
  of: { method?: SignInMethod; pending?: boolean },
): Promise<void> {
  const before = cookieOf(request, cookieName(context.settings));
  if (before) await endSession(context.sql, before);
  const device = request.get('User-Agent') ?? '';
  const { token, expiresAt } = await context.sql.begin(async (tx) => {
    if (of.pending !== true) await recordSignIn(tx, personId);
    // One click signs anybody in from anywhere: it says nothing of whose browser it is.
    const known = context.settings.trustedProxies !== undefined && of.pending !== true && of.method !== 'sandbox';
    if (known && request.ip) await noteDevice(tx, personId, request.ip, device);
    return createSession(tx, personId, { ...of, device });
  });
  setCookie(context, response, token, expiresAt);
}

function setCookie({ settings }: AppContext, response: Response, token: string, expires: Date): void {
  response.cookie(cookieName(settings), token, { httpOnly: true, sameSite: 'lax', secure: isHttps(settings), path: '/', expires }); // prettier-ignore
}

/**
 * A new token wherever a session comes to be worth more, or its owner's security changes: one that somebody else got hold of
 * before is worth nothing after it.
 */
export async function renew(context: AppContext, response: Response, session: Session, of: { proven?: boolean } = {}): Promise<void> {
  const token = await renewSession(context.sql, session.id, { proven: of.proven ?? false });
  setCookie(context, response, token, session.expiresAt);
} // prettier-ignore

/** A value of the browser's own that lives until it is read: what an identity provider's answer must match. */
export function keepForReturn(context: AppContext, response: Response, value: string): void {
  response.cookie(returnCookie(context.settings), value, { httpOnly: true, sameSite: 'lax', secure: isHttps(context.settings), path: '/', maxAge: 600_000 }); // prettier-ignore
}

export function takeForReturn(context: AppContext, request: Request, response: Response): string | undefined {
  const name = returnCookie(context.settings);
  response.clearCookie(name, { httpOnly: true, sameSite: 'lax', secure: isHttps(context.settings), path: '/' });
  return cookieOf(request, name);
}

const returnCookie = (settings: Pick<Settings, 'publicUrl'>) => `${cookieName(settings)}-return`;

/** Longer ago than this, whoever sits before the browser shows again who they are before money moves. */
const PROOF_MS = 15 * 60_000;
export const isFresh = (session: Session, now = Date.now()): boolean => now - session.provenAt.getTime() < PROOF_MS;

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
