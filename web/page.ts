// What every page handler gets and how it answers: HTML with the headers that belong to it, a redirect, or an error page.
import type { Request, RequestHandler, Response } from 'express';
import type { AppContext, Caller } from '../api/context.ts';
import { STAFF, stateOf } from '../api/route.ts';
import { Problem } from '../api/problem.ts';
import { notFound } from '../api/escrow-commands.ts';
import { type EscrowRecord, findEscrow, type Viewer } from '../db/escrows.ts';
import type { Session } from '../db/sessions.ts';
import type { Role } from '../domain/escrow-state.ts';
import { isId } from '../domain/ids.ts';
import type { Reader } from './reader.ts';
import { secondFactorOf } from '../db/second-factor.ts';
import { checkCsrf, checkOrigin, isFresh, readerOf, sessionOf } from './session.ts';
import { NOTICES } from './words.ts';

export interface PageCall {
  context: AppContext;
  request: Request;
  response: Response;
  session: Session;
  reader: Reader;
  viewer: Viewer;
  caller: Caller;
}

type Handler = (call: PageCall) => Promise<void>;

interface PageRules {
  /**
   * Asks again who it is where the last proof is old. Of ops' forms, unless said otherwise; of others' only where it is
   * said: their security.
   */
  proof?: boolean;
}

/** A page for whoever is signed in with one of these roles; others are sent to sign in, or told that it is not theirs. */
export function signedIn(context: AppContext, roles: readonly Role[] | null, handler: Handler, rules: PageRules = {}): RequestHandler {
  return async (request, response) => {
      if (request.method === 'POST') checkOrigin(request, context.settings);
      const session = await sessionOf(context, request);
      if (session === null) {
        const back = request.method === 'GET' ? `?next=${encodeURIComponent(request.originalUrl)}` : '';
        response.redirect(303, `/sign-in${back}`);
        return;
      }
      const { person } = session;
      const state = stateOf(response);
      const caller = { person, ownerId: person.id, requestId: state.requestId };
      state.caller = caller;
      if (roles !== null && !roles.includes(person.role)) throw new Problem('not_found', 'There is no such page for you.');
      if (request.method === 'POST') checkCsrf(session, formOf(request)['csrf']);
      if (await mustEnrol(context, session, request.path)) return seeOther(response, '/security', 'second_factor_needed');
      const asksProof = rules.proof ?? (request.method === 'POST' && person.role === 'ops');
      if (asksProof && !isFresh(session)) return response.redirect(303, `/step-up?next=${encodeURIComponent(formPage(request))}`);
      await handler({
        context,
        request,
        response,
        session,
        reader: readerOf(request, session),
        viewer: { id: person.id, role: person.role, entityId: person.entityId },
        caller,
      });
  };
} // prettier-ignore

/** With real money nobody of the staff works without a second factor: their own, or their identity provider's. */
export async function mustEnrol({ settings, sql }: AppContext, session: Session, path: string): Promise<boolean> {
  const free = path.startsWith('/security') || path === '/sign-out' || path === '/step-up';
  if (settings.mode !== 'live' || !STAFF.includes(session.person.role) || session.method === 'oidc' || free)
    return false;
  return !(await secondFactorOf(sql, session.person.id)).on;
}

/** The page that a form was sent from; a page itself is its own. */
function formPage(request: Request): string {
  if (request.method !== 'POST') return request.originalUrl;
  const from = request.get('Referer');
  return from !== undefined && URL.canParse(from) ? `${new URL(from).pathname}${new URL(from).search}` : '/';
}

/** The escrow that the address names, as `:id`. @throws Problem not_found: also for what is not the reader's */
export async function escrowOf({ context, viewer, request }: PageCall): Promise<EscrowRecord> {
  const id = String(request.params['id']);
  const record = isId('escrow', id) ? await findEscrow(context.sql, viewer, id) : null;
  if (record === null) throw notFound('escrow');
  return record;
}

/** A form's fields: each a text, or several where the name was repeated. */
export function formOf(request: Request): Record<string, string | string[] | undefined> {
  return (request.body ?? {}) as Record<string, string | string[] | undefined>;
}

/** One field's text, trimmed; empty is not given. */
export function field(request: Request, name: string): string | undefined {
  const value = formOf(request)[name];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  // A file is not text.
  const text = typeof first === 'string' ? first.trim() : '';
  return text === '' ? undefined : text;
}

export function fields(request: Request, name: string): string[] {
  const value = formOf(request)[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** The command's key from the form. @throws Problem */
export function commandKeyOf(request: Request): string {
  const key = field(request, 'key');
  if (key === undefined || key.length > 255) throw new Problem('invalid_request', 'The form is not complete: open its page again.'); // prettier-ignore
  return key;
}

export function html(response: Response, page: { toString(): string }, status = 200): void {
  // Money on a page is of its moment: neither a cache nor the back button may show an older one.
  response.status(status).set('Cache-Control', 'no-store').type('html').send(`<!doctype html>${page.toString()}`); // prettier-ignore
}

/** After a POST: to a page, which may say one of the known notices. */
export function seeOther(response: Response, path: string, notice?: keyof typeof NOTICES): void {
  response.redirect(303, notice === undefined ? path : `${path}?done=${encodeURIComponent(notice)}`);
}

export const noticeOf = (request: Request): string | undefined => {
  const name = request.query['done'];
  return typeof name === 'string' && Object.hasOwn(NOTICES, name) ? NOTICES[name] : undefined;
};

/**
 * A live page asks for its part with the revision that it shows: what has not changed is not sent, so that nothing is
 * replaced under a finger that is about to press it.
 */
export const seenAlready = (request: Request, revision: number): boolean =>
  request.get('HX-Request') === 'true' && request.query['seen'] === String(revision);

/** Where this person reaches us: in the sandbox by whatever name they use, so that their session comes back with them. */
export function homeOf({ context, request }: Pick<PageCall, 'context' | 'request'>): string {
  const { settings } = context;
  const host = request.get('Host') ?? '';
  return settings.mode === 'sandbox' && /^[\w.:[\]-]+$/.test(host) ? `${request.protocol}://${host}` : settings.publicUrl; // prettier-ignore
}

/** Only our own paths: an address from outside must not send people elsewhere. */
export function ownPath(path: unknown): string | null {
  return typeof path === 'string' && /^\/(?![/\\])[\w\-./?=&%:]*$/.test(path) ? path : null;
}
