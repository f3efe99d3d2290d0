// Before an account is open: a new password by a mailed link, an invitation accepted; and inviting people.
import { Router, type Request, type Response } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { Problem } from '../../api/problem.ts';
import { listApiKeys, MOST_KEYS } from '../../db/api-keys.ts';
import { findOpenInvitation, invite, type Invitation, listInvitations, markAccepted, revokeInvitation } from '../../db/invitations.ts'; // prettier-ignore
import { findLink, takeLink } from '../../db/links.ts';
import { askForReset, resetPassword } from '../../db/passwords.ts';
import { createPerson, findPerson, type Person } from '../../db/people.ts';
import { insertSeller } from '../../db/sellers.ts';
import { PaymentsError } from '../../payments/errors.ts';
import { byAddress, limited } from '../limits.ts';
import { field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { AcceptInvitationPage, DeadLinkPage, InvitationsPage, ResetAskPage, ResetPage, roleWords } from '../pages/security.tsx'; // prettier-ignore
import { passwordProblem } from '../password-rule.ts';
import { signIn } from '../session.ts';
import { fromHere, openTo } from './sign-in.tsx';

const HOUR_MS = 3_600_000;
const ASKS = { perAddress: 20, perEmail: 3 };
const INVITES_PER_DAY = 50;

export function accountRoutes(context: AppContext): Router {
  const router = Router();
  const { sql, settings } = context;

  const tokenOf = (request: Request): string => {
    const given = request.method === 'GET' ? request.query['token'] : field(request, 'token');
    return typeof given === 'string' ? given.slice(0, 100) : '';
  };

  const askReset = async (request: Request, response: Response) => {
    await askForReset(sql, field(request, 'email') ?? '');
    seeOther(response, '/reset/ask', 'reset_asked');
  };
  const keysOf = async (personId: string) => (await listApiKeys(sql, personId, { limit: MOST_KEYS })).data;
  const showReset = async (request: Request, response: Response) => {
    const token = tokenOf(request);
    const link = await findLink(sql, 'password_reset', token);
    if (link === null) return html(response, <DeadLinkPage what="reset" />, 410);
    html(response, <ResetPage token={token} keys={await keysOf(link.person_id!)} />);
  };
  const reset = async (request: Request, response: Response) => {
    const token = tokenOf(request);
    const link = await findLink(sql, 'password_reset', token);
    const person = link === null ? null : await findPerson(sql, link.person_id!);
    if (person === null) return html(response, <DeadLinkPage what="reset" />, 410);
    const password = field(request, 'password') ?? '';
    const problem = passwordProblem(password, person.email);
    if (problem !== null)
      return html(response, <ResetPage token={token} keys={await keysOf(person.id)} problem={problem} />, 422);
    if (!(await resetPassword(sql, token, { password, revokeKeys: field(request, 'revoke_keys') === 'yes' })))
      return html(response, <DeadLinkPage what="reset" />, 410);
    seeOther(response, '/sign-in', 'password_set');
  };

  const openInvitation = async (token: string): Promise<Invitation | null> => {
    const link = await findLink(sql, 'invitation', token);
    return link === null ? null : findOpenInvitation(sql, link.invitation_id!);
  };
  const showInvitation = async (request: Request, response: Response) => {
    const token = tokenOf(request);
    const invitation = await openInvitation(token);
    if (invitation === null) return html(response, <DeadLinkPage what="invitation" />, 410);
    html(response, <AcceptInvitationPage invitation={invitation} token={token} given={{}} />);
  };
  const accept = async (request: Request, response: Response) => {
    const token = tokenOf(request);
    const invitation = await openInvitation(token);
    if (invitation === null) return html(response, <DeadLinkPage what="invitation" />, 410);
    const given = { name: field(request, 'name'), country: field(request, 'country')?.toUpperCase() };
    const refuse = (problem: string, status = 422) =>
      html(response, <AcceptInvitationPage invitation={invitation} token={token} given={given} problem={problem} />, status); // prettier-ignore
    const password = field(request, 'password') ?? '';
    if (given.name === undefined || given.name.length > 100) return refuse('Your name is missing.');
    if (invitation.role === 'seller' && !/^[A-Z]{2}$/.test(given.country ?? '')) return refuse('Write your country as two letters, such as US.'); // prettier-ignore
    const problem = passwordProblem(password, invitation.email);
    if (problem !== null) return refuse(problem);
    try {
      const person = await makeAccount(context, invitation, token, { name: given.name, country: given.country ?? '', password }); // prettier-ignore
      await signIn(context, request, response, person.id, 'password');
      seeOther(response, person.role === 'seller' ? '/verification' : '/');
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      refuse(error.kind === 'refused' ? `Stripe does not take it: ${error.message}` : 'Stripe did not answer. Try again in a moment.', 502); // prettier-ignore
    }
  };

  const perAddress = (name: string) => limited(context, { name: `${name}:address`, limit: ASKS.perAddress, windowMs: HOUR_MS, of: byAddress, failuresOnly: false }); // prettier-ignore
  const perEmail = limited(context, { name: 'reset:email', limit: ASKS.perEmail, windowMs: HOUR_MS, of: (request) => (field(request, 'email') ?? '').toLowerCase(), failuresOnly: false }); // prettier-ignore
  const mails = settings.smtpUrl !== undefined;
  router.get('/reset/ask', (request, response) => html(response, <ResetAskPage notice={noticeOf(request)} mails={mails} />)); // prettier-ignore
  router.post('/reset/ask', fromHere(context), perAddress('reset'), perEmail, openTo(askReset));
  router.get('/reset', openTo(showReset));
  router.post('/reset', fromHere(context), perAddress('reset'), openTo(reset));
  router.get('/invitation', openTo(showInvitation));
  router.post('/invitation', fromHere(context), perAddress('invitation'), openTo(accept));

  router.get(
    '/invitations',
    signedIn(context, ['buyer', 'seller', 'ops'], (call) => invitations(call)),
  );
  router.post('/invitations', signedIn(context, ['buyer', 'seller', 'ops'], send));
  router.post('/invitations/:id/revoke', signedIn(context, ['buyer', 'seller', 'ops'], revoke));
  return router;
}

/** Stripe first, under a key of the id that the account will have: what fails there leaves nobody behind. */
async function makeAccount(
  context: AppContext,
  { id, person_id: personId, email, role, approver }: Invitation,
  token: string,
  given: { name: string; country: string; password: string },
): Promise<Person> {
  const { name, country, password } = given;
  const account =
    role === 'seller'
      ? await context.payments.createSellerAccount({ email, country, sellerId: personId, name }, `${personId}:account:${country}`) // prettier-ignore
      : null;
  return context.sql.begin(async (tx) => {
    if ((await takeLink(tx, 'invitation', token)) === null || !(await markAccepted(tx, id))) {
      throw new Problem('forbidden', 'This invitation was accepted already.');
    }
    const person = await createPerson(tx, { id: personId, email, name, role, approver, password });
    if (person === null) throw new Problem('email_taken');
    if (account !== null) {
      const { transfers, requirements } = account;
      await insertSeller(tx, { id: personId, stripeAccountId: account.id, country, transfers, requirements });
    }
    return person;
  });
}

const EVERY_CHOICE = [
  { value: 'seller', label: 'A seller' },
  { value: 'buyer', label: 'A buyer' },
  { value: 'ops', label: 'Staff (ops): asks' },
  { value: 'ops-approver', label: 'Staff (ops): asks and approves' },
  { value: 'auditor', label: 'An auditor (reads only)' },
] as const;

/** A buyer invites sellers, a seller buyers; ops everybody, and only who approves makes others approve. */
function choicesFor({ role, approver }: Person) {
  if (role !== 'ops') return EVERY_CHOICE.filter(({ value }) => value === (role === 'buyer' ? 'seller' : 'buyer'));
  return EVERY_CHOICE.filter(({ value }) => approver || value !== 'ops-approver');
}

async function invitations(call: PageCall, problem?: string): Promise<void> {
  const { context, session, reader, request, response } = call;
  const list = await listInvitations(context.sql, session.person);
  const given = { email: field(request, 'email'), note: field(request, 'note') };
  html(response, <InvitationsPage reader={reader} choices={choicesFor(session.person)} invitations={list} given={problem === undefined ? {} : given} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function send(call: PageCall): Promise<void> {
  const { context, session, request, response } = call;
  const { person } = session;
  const email = field(request, 'email') ?? '';
  const choice = choicesFor(person).find(({ value }) => value === field(request, 'as'));
  if (choice === undefined) throw new Problem('forbidden', 'You cannot invite somebody as that.');
  if (!/^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+\.[^\s@<>(),;:"]+$/.test(email) || email.length > 200) return invitations(call, 'Write their e-mail, such as ana@example.com.'); // prettier-ignore
  const role = choice.value === 'ops-approver' ? 'ops' : choice.value;
  const approver = choice.value === 'ops-approver';
  const note = field(request, 'note')?.slice(0, 300) ?? null;
  const [sent] = await context.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM invitations WHERE invited_by = ${person.id} AND created_at > now() - interval '1 day'`;
  if (sent!.count >= INVITES_PER_DAY) return invitations(call, 'You have invited many people today. Go on tomorrow.');
  const done = await context.sql.begin((tx) => invite(tx, person, { email, role, approver, note, roleWords: roleWords(role, approver) })); // prettier-ignore
  if (!done) return invitations(call, 'This address has an account already, or somebody else has invited it.');
  seeOther(response, '/invitations', 'invited');
}

async function revoke(call: PageCall): Promise<void> {
  const { context, session, request, response } = call;
  const done = await context.sql.begin((tx) => revokeInvitation(tx, session.person, String(request.params['id'])));
  if (done === null) throw notFound('invitation');
  if (!done) return invitations(call, 'It is not open any more.');
  seeOther(response, '/invitations', 'invitation_revoked');
}
