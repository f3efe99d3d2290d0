// Signing in and out.
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { AppContext } from '../../api/context.ts';
import { Problem } from '../../api/problem.ts';
import { findPerson, verifyPassword } from '../../db/people.ts';
import { field, html, ownPath, seeOther, signedIn } from '../page.ts';
import { SignInPage } from '../pages/sign-in.tsx';
import { sandboxPeople } from '../sandbox-people.ts';
import { checkOrigin, sessionOf, signIn, signOut } from '../session.ts';

const MINUTE_MS = 60_000;
/** Per address of the network, and per e-mail: neither one password on many people nor many on one. */
const TRIES = { perAddress: 30, perEmail: 10 };

export function signInRoutes(context: AppContext): Router {
  const router = Router();
  const limits = [
    limited(TRIES.perAddress, (request) => ipKeyGenerator(request.ip ?? '')),
    limited(TRIES.perEmail, (request) => `email:${(field(request, 'email') ?? '').toLowerCase()}`),
  ];

  const show = async (request: Request, response: Response): Promise<void> => {
    if ((await sessionOf(context, request)) !== null) return seeOther(response, '/');
    const people = await sandboxPeople(context.settings);
    html(response, <SignInPage next={ownPath(request.query['next'])} people={people} />);
  };

  const byPassword = async (request: Request, response: Response): Promise<void> => {
    const email = field(request, 'email') ?? '';
    const person = await verifyPassword(context.sql, email, field(request, 'password') ?? '');
    const back = ownPath(field(request, 'next'));
    if (person === null) {
      const people = await sandboxPeople(context.settings);
      const problem = 'The e-mail and the password do not belong together. Check both and try again.';
      html(response, <SignInPage next={back} people={people} email={email} problem={problem} />, 422);
      return;
    }
    await signIn(context, request, response, person.id);
    seeOther(response, back ?? '/');
  };

  const bySandbox = async (request: Request, response: Response): Promise<void> => {
    const people = await sandboxPeople(context.settings);
    const chosen = people.find(({ name }) => name === field(request, 'person'));
    const person = chosen === undefined ? null : await findPerson(context.sql, chosen.id);
    if (person === null) throw new Problem('not_found', 'There is no such person in this sandbox.');
    await signIn(context, request, response, person.id);
    seeOther(response, ownPath(field(request, 'next')) ?? '/');
  };

  router.get('/sign-in', openTo(show));
  router.post('/sign-in', checked(context), ...limits, openTo(byPassword));
  router.post('/sign-in/as', checked(context), openTo(bySandbox));
  router.post(
    '/sign-out',
    signedIn(context, null, async ({ request, response }) => {
      await signOut(context, request, response);
      seeOther(response, '/sign-in');
    }),
  );
  return router;
}

/** A page for people who are not signed in. Express answers with the error page when it fails. */
const openTo = (handler: (request: Request, response: Response) => Promise<void>): RequestHandler => handler;

function checked(context: AppContext): RequestHandler {
  return (request, _response, next) => {
    checkOrigin(request, context.settings);
    next();
  };
}

function limited(limit: number, keyGenerator: (request: Request) => string): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit,
    keyGenerator,
    skipSuccessfulRequests: true,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, _response, next) =>
      next(new Problem('rate_limited', 'Too many tries to sign in. Wait a minute and try again.')),
  });
}
