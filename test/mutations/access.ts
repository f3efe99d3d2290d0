// The API's own guards: keys of commands, who may see and do what, four eyes, and the inbox of Stripe's events.
import type { Mutation } from './mutation.ts';

type Test = Mutation['test'];
const at = (file: string) => (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file, find, replace, test }); // prettier-ignore

const commands = (name: string): Test => ['test/api/commands.test.ts', name];
const requests = (name: string): Test => ['test/api/invalid-requests.test.ts', name];
const routes = (name: string): Test => ['test/api/routes.test.ts', name];
const people = (name: string): Test => ['test/api/seed-and-people.test.ts', name];
const hook = (name: string): Test => ['test/api/stripe-webhook.test.ts', name];
const pump = (name: string): Test => ['test/worker/pump.test.ts', name];
const approvals = (name: string): Test => ['test/approvals/approvals.test.ts', name];
const audit = (name: string): Test => ['test/audit/audit.test.ts', name];
const signIn = (name: string): Test => ['test/web/sign-in.test.ts', name];

const keys = at('db/idempotency.ts');
const escrows = at('db/escrows.ts');
const route = at('api/route.ts');
const persons = at('db/people.ts');
const sessions = at('db/sessions.ts');
const factor = at('db/second-factor.ts');
const four = at('api/approvals.ts');
const decisions = at('db/approvals.ts');
const queue = at('db/inbox-queue.ts');
const stripe = at('payments/stripe-events.ts');
const projection = at('migrations/0160_projection.sql');
const chain = at('db/audit.ts');

export const COMMAND_MUTATIONS: readonly Mutation[] = [
  keys('the same key with another body is a conflict', ' || known.body_hash !== request.bodyHash', '', commands('again with the same key and another body is a conflict')),
  keys('the same key on another call is a conflict', 'known.route !== request.route || ', '', commands('again with the same key on another call is a conflict')),
  keys('a repetition gets the stored answer', "if (known.status !== null) return { kind: 'done', status: known.status, response: known.response };", '', commands('again with the same key gives the same answer and asks nobody')),
  keys('one at a time runs a command', 'status IS NULL AND locked_until <= now() RETURNING *`;\n  if (taken)', 'status IS NULL RETURNING *`;\n  if (taken)', commands('while it runs, the same key waits')),
  at('api/commands.ts')('the update’s id is its owner’s', 'const updateId = sha256(canonicalJson([caller.ownerId, route, key]));', 'const updateId = sha256(canonicalJson([route, key]));', commands('keys of two callers do not meet')),
  route('a POST has a key', "if (key === '') throw new Problem('idempotency_key_required');", '', routes('names its version and its limit, and wants a key for every POST')),
  projection('an older result changes no head', "IF known < (p_head ->> 'revision')::integer THEN", 'IF true THEN', commands('projects its result with its answer; an older result')),
  projection('an older result changes no milestone', 'WHERE m.revision < EXCLUDED.revision', 'WHERE true', commands('projects its result with its answer; an older result')),
]; // prettier-ignore

export const ACCESS_MUTATIONS: readonly Mutation[] = [
  escrows('what is not yours is not found', 'AND EXISTS (SELECT FROM escrow_parties ep WHERE ep.person_id = ${viewer.id} AND ep.escrow_id = e.id)`;', '`;', requests('of somebody else is not found, by whatever call')),
  escrows('ops of another entity see nothing here', "? sql`e.entity_id = ${viewer.entityId}`\n", '? sql`true`\n', requests('of another entity is not found, by its staff either')),
  escrows('the timeline is its parties’', "): Promise<Listed<TimelineRow> | null> {\n  if (!(await mayRead(sql, viewer, id))) return null;", "): Promise<Listed<TimelineRow> | null> {", requests('of somebody else is not found, by whatever call')),
  escrows('its movements are its parties’', "): Promise<Listed<MovementRow> | null> {\n  if (!(await mayRead(sql, viewer, id))) return null;", "): Promise<Listed<MovementRow> | null> {", requests('of somebody else is not found, by whatever call')),
  route('a call is for the roles that it names', 'if (!declaration.roles.includes(caller.person.role)) {', 'if (false) {', routes('is for')),
  at('db/api-keys.ts')('a revoked API key is none', ' AND k.revoked_at IS NULL`', '`', people('are known by an API key until it is revoked')),
  at('db/api-keys.ts')('a key is revoked by its owner', 'WHERE id = ${id} AND person_id = ${personId} AND revoked_at IS NULL`;', 'WHERE id = ${id} AND revoked_at IS NULL`;', ['test/api/api-keys.test.ts', 'a revoked key is nobody, and only its owner revokes it']),
  route('a key reaches as far as its scopes', 'caller.scopes !== undefined && !caller.scopes.includes(scope)', 'false', ['test/api/api-keys.test.ts', 'a key']),
  at('db/passwords.ts')('API keys go with a password where its owner says so', 'revokeKeys ? await revokeApiKeys(tx, person.id) : 0', '[revokeKeys, revokeApiKeys].length', signIn('API keys outlive a new password')),
  at('db/api-keys.ts')('whoever revokes all keys revokes their own', 'WHERE person_id = ${personId} AND revoked_at IS NULL`;\n  return rows.count;', 'WHERE ${personId} <> id AND revoked_at IS NULL`;\n  return rows.count;', signIn('API keys outlive a new password')),
  sessions('a session ends', ' AND s.expires_at > now() AND s.pending', ' AND s.pending', people('have sessions that end')),
  sessions('a session that nobody uses ends', ' AND ${notIdle(sql)}`;\n  if (!row)', '`;\n  if (!row)', signIn('end by themselves where nobody asks')),
  at('web/page.ts')('staff work with a second factor where money is real', "if (settings.mode !== 'live' ||", 'if (', signIn('with real money nobody of the staff')),
  sessions('a password alone is no session where a code is asked for', 'return find(sql, token, false);', 'return (await find(sql, token, true)) ?? find(sql, token, false);', signIn('is on after its first right code')),
  factor('a code is good once', 'if (row.last !== null && BigInt(step) <= row.last) return false;', '', signIn('is on after its first right code')),
  at('web/page.ts')('an old proof moves no money', 'if (asksProof && !isFresh(session))', 'if (false)', signIn('ops show again who they are')),
  at('db/links.ts')('a mailed link is good once', 'AND purpose = ${purpose} AND used_at IS NULL AND expires_at > now()\n    RETURNING', 'AND purpose = ${purpose}\n    RETURNING', signIn('a mailed link sets a new one, once')),
  four('only approvers approve', 'if (!person.approver) {', 'if (false) {', signIn('who does not approve neither approves')),
  persons('a password is the person’s', 'return (await passwordMatches(password, row.password_hash)) ? toPerson(row) : null;', 'return toPerson(row);', people('sign in by a password that is nowhere in the database')),
]; // prettier-ignore

export const APPROVAL_MUTATIONS: readonly Mutation[] = [
  four('a refund over the limit waits for another', "if (!over('refund', amount)) return null;", 'return null;', approvals('over it waits for another of ops; who asked cannot approve')),
  four('a ruling over the limit waits for another', "if (!over('ruling', amount)) return null;", 'return null;', approvals('a ruling over the limit')),
  four('a cancellation by ops of an active escrow waits for another', "if (name === 'cancel' && state.status === 'active') {", 'if (false) {', approvals('a cancellation of an active escrow')),
  four('who asked does not approve', 'if (known.requested_by === person.id) {', 'if (false) {', approvals('over it waits for another of ops; who asked cannot approve')),
  four('what is approved is what was read', ' || (hash !== undefined && hash !== known.params_hash)', '', approvals('another hash than the one that was read is refused')),
  four('parameters changed behind an approval’s back are seen', 'if (!isIntact(known) || ', 'if (', approvals('another hash than the one that was read is refused')),
  four('… also after it was approved', "if (!isIntact(approval)) throw new Problem('approval_changed');", '', approvals('what was changed after somebody approved it is not carried out')),
  four('what was approved runs under the approval’s own key', "const updateId = createHash('sha256').update(`approval:${approval.id}`).digest('hex');", "const updateId = createHash('sha256').update(`${Math.random()}`).digest('hex');", approvals('what somebody approved and did not live to carry out')),
  decisions('an expired request is not approved', "AND status = 'pending' AND expires_at > now() RETURNING", "AND status = 'pending' RETURNING", approvals('an expired request is refused')),
]; // prettier-ignore

export const INBOX_MUTATIONS: readonly Mutation[] = [
  stripe('an event is signed', 'signatures.verifyHeader(rawBody, signature, secret, WEBHOOK_TOLERANCE_S);', '', hook('is signed with another secret')),
  stripe('an old signature is none', 'secret, WEBHOOK_TOLERANCE_S);', 'secret, 0);', hook('was signed 301 seconds ago')),
  at('api/stripe-webhook.ts')('a body is at most 1 MB', 'if (length > LIMIT_BYTES) reject(', 'if (length < 0) reject(', hook('is larger than 1 MB')),
  at('api/stripe-webhook.ts')('no 2xx before the commit', "const isNew = await receive(context, inbox, raw, request.headers['stripe-signature'] as string | undefined);", "const isNew = true;\n      void receive(context, inbox, raw, request.headers['stripe-signature'] as string | undefined).catch(() => {});", hook('no 2xx before its commit')),
  at('api/stripe-webhook.ts')('an event of the other mode is kept apart', 'const wrong = misdirected(event, here);', 'const wrong = null as ReturnType<typeof misdirected>;\n  void [misdirected, here];', hook('of the other mode is kept apart')),
  at('db/stripe-events.ts')('an event kept apart is never run', ' AND livemode = ${live} RETURNING', ' RETURNING', hook('of the other mode is kept apart')),
  queue('an event has one worker', 'LIMIT ${limit} FOR UPDATE SKIP LOCKED\n    ) due', 'LIMIT ${limit}\n    ) due', ['test/ledger/locks.test.ts', 'an event claimed by one worker is passed over']),
  at('worker/pump.ts')('what fails again and again is parked with an alert', 'if (event.attempts < maxTries) {', 'if (event.attempts < Infinity) {', pump('after its last try an event is parked with an alert')),
  at('worker/handlers/payment-intent.ts')('an event’s object is read again', "kind: 'payment_intent',\n    paymentIntentId: fetched.id,\n    paymentId,\n    status: fetched.status,", "kind: 'payment_intent',\n    paymentIntentId: fetched.id,\n    paymentId,\n    status: event.type.slice('payment_intent.'.length) as never,", pump('events in the wrong order all say what is true now')),
]; // prettier-ignore

export const AUDIT_MUTATIONS: readonly Mutation[] = [
  chain('a changed entry is named', "return hashOf(row.seq, previous, row) === row.hash ? null :", 'return true ? null :', audit('names the row whose words, amount or time was changed')),
  chain('a missing entry is named', "if (!row.present) return 'the entry is gone';", '', audit('names a row that is gone, a seal that is gone')),
  chain('a missing seal is named', 'if (row.seq !== before + 1n)', 'if (false)', audit('names a row that is gone, a seal that is gone')),
  chain('a chain made anew is named', 'if (anchor !== undefined && Number(seq) === anchor.seq && previous !== anchor.hash) {', 'if (false) {', audit('names an entry that was put in with an old date')),
  chain('a chain cut off is named', 'if (anchor !== undefined && Number(seq) < anchor.seq) {', 'if (false) {', audit('names an entry that was put in with an old date')),
  chain('one sealer at a time', "await tx`SELECT pg_advisory_xact_lock(hashtextextended('audit-seals', 0))`;", '', audit('has one sealer at a time')),
]; // prettier-ignore
