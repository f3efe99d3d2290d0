// Signing in and out: by password and, where it is on, a code; by an identity provider; in the sandbox with one click.
import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { AppContext } from '../../api/context.ts';
import { Problem } from '../../api/problem.ts';
import { stateOf } from '../../api/route.ts';
import { findPerson, type Person, sha256, verifyPassword } from '../../db/people.ts';
import { passSecondFactor, secondFactorOf } from '../../db/second-factor.ts';
import type { SignInMethod } from '../../db/sessions.ts';
import { byAddress, countTry, limited } from '../limits.ts';
import { oidcProvider, personOfClaims } from '../oidc.ts';
import { field, html, noticeOf, ownPath, seeOther, signedIn } from '../page.ts';
import { CodePage } from '../pages/security.tsx';
import { SignInPage } from '../pages/sign-in.tsx';
import { sandboxPeople } from '../sandbox-people.ts';
import { awaitCode, checkOrigin, keepForReturn, pendingSessionOf, sessionOf, signIn, signOut, takeForReturn } from '../session.ts'; // prettier-ignore

/** Per address of the network, and per e-mail: neither one password on many people nor many on one. */
const TRIES = { perAddress: 30, perEmail: 10 };
/** Of a code of six digits, per person and minute, however many sessions try: far from being guessed. */
const CODE_TRIES = 5;

type Handler = (request: Request, response: Response) => Promise<void>;

export function signInRoutes(context: AppContext): Router {
  const router = Router();
  const provider = oidcProvider(context.settings);
  const limits = [
    limited(context, { name: 'sign-in:address', limit: TRIES.perAddress, of: byAddress }),
    limited(context, { name: 'sign-in:email', limit: TRIES.perEmail, of: (request) => (field(request, 'email') ?? '').toLowerCase() }), // prettier-ignore
  ];

  const page = async (response: Response, of: { next: string | null; email?: string | undefined; notice?: string | undefined; problem?: string | undefined }, status = 200) => {
    const people = await sandboxPeople(context.settings);
    html(response, <SignInPage people={people} oidc={provider !== null} {...of} />, status);
  }; // prettier-ignore

  /** The first factor is right: asks for the second where it is on. */
  const known = async (request: Request, response: Response, person: Person, method: SignInMethod) => {
    const next = ownPath(field(request, 'next'));
    if ((await secondFactorOf(context.sql, person.id)).on) {
      await awaitCode(context, request, response, person.id);
      return seeOther(response, `/sign-in/code${next === null ? '' : `?next=${encodeURIComponent(next)}`}`);
    }
    await signIn(context, request, response, person.id, method);
    seeOther(response, next ?? '/');
  };

  const show: Handler = async (request, response) => {
    if ((await sessionOf(context, request)) !== null) return seeOther(response, '/');
    await page(response, { next: ownPath(request.query['next']), notice: noticeOf(request) });
  };

  const byPassword: Handler = async (request, response) => {
    const email = field(request, 'email') ?? '';
    const person = await verifyPassword(context.sql, email, field(request, 'password') ?? '');
    if (person !== null) return known(request, response, person, 'password');
    noteRefusal(context, request, response, { factor: 'password', email });
    const problem = 'The e-mail and the password do not belong together. Check both and try again.';
    await page(response, { next: ownPath(field(request, 'next')), email, problem }, 422);
  };

  const bySandbox: Handler = async (request, response) => {
    const people = await sandboxPeople(context.settings);
    const chosen = people.find(({ name }) => name === field(request, 'person'));
    const person = chosen === undefined ? null : await findPerson(context.sql, chosen.id);
    if (person === null) throw new Problem('not_found', 'There is no such person in this sandbox.');
    await known(request, response, person, 'sandbox');
  };

  const askCode: Handler = async (request, response) => {
    if ((await pendingSessionOf(context, request)) === null) return seeOther(response, '/sign-in');
    html(response, <CodePage next={ownPath(request.query['next'])} />);
  };

  const byCode: Handler = async (request, response) => {
    const pending = await pendingSessionOf(context, request);
    if (pending === null) return seeOther(response, '/sign-in');
    const next = ownPath(field(request, 'next'));
    const { id } = pending.person;
    const tries = await countTry(context, 'sign-in:code', id, CODE_TRIES);
    const right = await context.sql.begin((tx) => passSecondFactor(tx, id, field(request, 'code') ?? '', Date.now()));
    if (!right) {
      noteRefusal(context, request, response, { factor: 'code', email: pending.person.email });
      const problem = 'The code is not right, or was used before. Codes change every thirty seconds.';
      return html(response, <CodePage next={next} problem={problem} />, 422);
    }
    await tries.right();
    await signIn(context, request, response, id, 'totp');
    seeOther(response, next ?? '/');
  };

  const toProvider: Handler = async (request, response) => {
    if (provider === null) throw new Problem('not_found', 'There is no such page.');
    const again = request.query['again'] === 'yes';
    const { url, kept } = await provider.start(again);
    keepForReturn(context, response, JSON.stringify({ ...kept, next: ownPath(request.query['next']) }));
    response.redirect(303, url.href);
  };

  const fromProvider: Handler = async (request, response) => {
    if (provider === null) throw new Problem('not_found', 'There is no such page.');
    const refused = (problem: string) => page(response, { next: null, problem }, 403);
    const kept = takeForReturn(context, request, response);
    if (kept === undefined) return refused('This sign-in was begun in another browser, or too long ago. Begin again.');
    try {
      const { next, ...expected } = JSON.parse(kept) as { next: unknown; verifier: string; state: string; nonce: string }; // prettier-ignore
      const claims = await provider.finish(new URL(request.originalUrl, context.settings.publicUrl), expected);
      const person = await personOfClaims(context.sql, claims);
      if (person === null) {
        return await refused('Your identity provider knows you, and there is no account of our staff with your verified e-mail here. Ask a colleague to invite you.'); // prettier-ignore
      }
      await signIn(context, request, response, person.id, 'oidc');
      seeOther(response, ownPath(next) ?? '/');
    } catch (error) {
      context.logger.warn({ err: error }, 'the identity provider’s answer was not taken');
      await refused('The identity provider’s answer could not be taken. Begin again.');
    }
  };

  router.get('/sign-in', openTo(show));
  router.post('/sign-in', fromHere(context), ...limits, openTo(byPassword));
  router.post('/sign-in/as', fromHere(context), openTo(bySandbox));
  router.get('/sign-in/code', openTo(askCode));
  router.post('/sign-in/code', fromHere(context), openTo(byCode));
  router.get('/sign-in/oidc', openTo(toProvider));
  router.get('/sign-in/oidc/return', openTo(fromProvider));
  router.post(
    '/sign-out',
    signedIn(
      context,
      null,
      async ({ request, response }) => {
        await signOut(context, request, response);
        seeOther(response, '/sign-in');
      },
      { proof: false },
    ),
  );
  return router;
}

/**
 * For whoever looks for attacks in the log: who was tried, from where, and by what. The address as a hash alone: what is typed
 * there may be a password, and is often a person who is nobody here.
 */
export function noteRefusal({ logger }: AppContext, request: Request, response: Response, { factor, email }: { factor: 'password' | 'code'; email: string }): void {
  const { requestId } = stateOf(response);
  logger.warn({ request_id: requestId, factor, email_sha256: sha256(email.toLowerCase()).slice(0, 16), address: request.ip }, 'sign-in refused');
} // prettier-ignore

/** A page for people who are not signed in. Express answers with the error page when it fails. */
export const openTo = (handler: Handler): RequestHandler => handler;

/** For forms of people who have no session yet, and so no token of one. */
export function fromHere(context: AppContext): RequestHandler {
  return (request, _response, next) => {
    checkOrigin(request, context.settings);
    next();
  };
}
