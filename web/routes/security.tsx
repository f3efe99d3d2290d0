// One's own security: sessions, password, second factor, and showing again who one is.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { Problem } from '../../api/problem.ts';
import { listApiKeys, MOST_KEYS } from '../../db/api-keys.ts';
import { setOwnPassword } from '../../db/passwords.ts';
import { verifyPassword } from '../../db/people.ts';
import { beginSecondFactor, confirmSecondFactor, endSecondFactor, newRecoveryCodes, passSecondFactor, secondFactorOf } from '../../db/second-factor.ts'; // prettier-ignore
import { endSessions, sessionsOf } from '../../db/sessions.ts';
import { countTry } from '../limits.ts';
import { field, html, noticeOf, ownPath, type PageCall, seeOther, signedIn } from '../page.ts';
import { RecoveryCodesPage, SecondFactorPage, SecurityPage, StepUpPage } from '../pages/security.tsx';
import { passwordProblem } from '../password-rule.ts';
import { renew, sessionOf } from '../session.ts';
import { noteRefusal } from './sign-in.tsx';

const TRIES = 5;
/** A change of security asks for a fresh proof of everybody. */
const PROVEN = { proof: true };

export function securityRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/security',
    signedIn(context, null, (call) => security(call)),
  );
  router.get('/step-up', signedIn(context, null, (call) => stepUp(call, ownPath(call.request.query['next'])), { proof: false })); // prettier-ignore
  router.post('/step-up', signedIn(context, null, prove, { proof: false }));
  router.post('/security/password', signedIn(context, null, password, PROVEN));
  router.post('/security/sessions/end-others', signedIn(context, null, endOthers, { proof: false }));
  router.post('/security/sessions/:id/end', signedIn(context, null, endOne, { proof: false }));
  router.post('/security/second-factor/begin', signedIn(context, null, begin, PROVEN));
  router.get(
    '/security/second-factor',
    signedIn(context, null, (call) => showSecret(call), PROVEN),
  );
  router.post('/security/second-factor', signedIn(context, null, confirm, PROVEN));
  router.post('/security/second-factor/off', signedIn(context, null, off, PROVEN));
  router.post('/security/recovery-codes', signedIn(context, null, codes, PROVEN));
  return router;
}

async function security(call: PageCall, problem?: string): Promise<void> {
  const { context, session, reader, request, response } = call;
  const { id } = session.person;
  const [sessions, factor, { data: keys }] = await Promise.all([
    sessionsOf(context.sql, id),
    secondFactorOf(context.sql, id),
    listApiKeys(context.sql, id, { limit: MOST_KEYS }),
  ]);
  html(response, <SecurityPage reader={reader} sessions={sessions} own={session.id} factor={factor} keys={keys} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function stepUp({ context, session, reader, response }: PageCall, next: string | null, problem?: string): Promise<void> {
  const { on } = await secondFactorOf(context.sql, session.person.id);
  const by = on ? 'code' : session.method === 'oidc' ? 'oidc' : 'password';
  html(response, <StepUpPage reader={reader} next={next} by={by} problem={problem} />, problem === undefined ? 200 : 422);
} // prettier-ignore

async function prove(call: PageCall): Promise<void> {
  const { context, session, request, response } = call;
  const { person } = session;
  const next = ownPath(field(request, 'next'));
  const tries = await countTry(context, 'step-up', person.id, TRIES);
  const { on } = await secondFactorOf(context.sql, person.id);
  const right = on
    ? await context.sql.begin((tx) => passSecondFactor(tx, person.id, field(request, 'code') ?? '', Date.now()))
    : (await verifyPassword(context.sql, person.email, field(request, 'password') ?? '')) !== null;
  if (!right) {
    noteRefusal(context, request, response, { factor: on ? 'code' : 'password', email: person.email });
    return stepUp(call, next, on ? 'The code is not right, or was used before.' : 'The password is not right.');
  }
  await tries.right();
  await renew(context, response, session, { proven: true });
  seeOther(response, next ?? '/');
}

async function password(call: PageCall): Promise<void> {
  const { context, session, request, response } = call;
  const given = field(request, 'password') ?? '';
  const problem = passwordProblem(given, session.person.email);
  if (problem !== null) return security(call, problem);
  const revokeKeys = field(request, 'revoke_keys') === 'yes';
  await setOwnPassword(context.sql, session.person, { password: given, revokeKeys }, session.id);
  await renew(context, response, session);
  seeOther(response, '/security', 'password_changed');
}

async function endOthers({ context, session, response }: PageCall): Promise<void> {
  await endSessions(context.sql, session.person.id, { except: session.id });
  seeOther(response, '/security', 'sessions_ended');
}

async function endOne({ context, session, request, response }: PageCall): Promise<void> {
  const ended = await endSessions(context.sql, session.person.id, { id: String(request.params['id']) });
  if (ended === 0) throw new Problem('not_found', 'You have no such session: it has ended already.');
  const left = await sessionOf(context, request);
  if (left === null) seeOther(response, '/sign-in');
  else seeOther(response, '/security', 'session_ended');
}

async function begin({ context, session, response }: PageCall): Promise<void> {
  await beginSecondFactor(context.sql, session.person.id);
  seeOther(response, '/security/second-factor');
}

/** Shown until it is confirmed, and never after it. */
async function showSecret({ context, session, reader, response }: PageCall, problem?: string): Promise<void> {
  const { secret, on } = await secondFactorOf(context.sql, session.person.id);
  if (secret === null || on) return seeOther(response, '/security');
  html(response, <SecondFactorPage reader={reader} secret={secret} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function confirm(call: PageCall): Promise<void> {
  const { context, session, reader, request, response } = call;
  const code = field(request, 'code') ?? '';
  const made = await context.sql.begin((tx) => confirmSecondFactor(tx, session.person, code, Date.now()));
  if (made === null) return showSecret(call, 'The code is not right. Is the clock of your phone right?');
  await renew(context, response, session);
  html(response, <RecoveryCodesPage reader={reader} codes={made} />);
}

async function off({ context, session, response }: PageCall): Promise<void> {
  await context.sql.begin((tx) => endSecondFactor(tx, session.person));
  await renew(context, response, session);
  seeOther(response, '/security', 'second_factor_off');
}

async function codes({ context, session, reader, response }: PageCall): Promise<void> {
  if (!(await secondFactorOf(context.sql, session.person.id)).on) return seeOther(response, '/security');
  const made = await context.sql.begin((tx) => newRecoveryCodes(tx, session.person.id));
  html(response, <RecoveryCodesPage reader={reader} codes={made} />);
}
