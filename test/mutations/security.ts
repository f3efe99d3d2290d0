// What keeps a stranger's tricks out: other sites' forms, planted sessions, addresses, names and texts that are not what they seem.
import type { Mutation } from './mutation.ts';

type Test = Mutation['test'];
const at = (file: string) => (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file, find, replace, test }); // prettier-ignore
const by = (attack: string) => (name: string): Test => [`test/security/${attack}.test.ts`, name]; // prettier-ignore

const csrf = by('csrf');
const fixation = by('session-fixation');
const redirect = by('open-redirect');
const path = by('path-traversal');
const ssrf = by('ssrf');
const assignment = by('mass-assignment');
const header = by('header-injection');

const session = at('web/session.ts');
const address = at('webhooks/public-address.ts');
const wire = at('webhooks/send.ts');
const name = at('api/file-types.ts');

const codec = at('web/routes/codec.ts');
const read = (name: string): Test => ['test/codec/encrypted-escrow.test.ts', name];

export const SECURITY_MUTATIONS: readonly Mutation[] = [
  session('a form is of this site', 'if (!same) throw', 'if (false) throw', csrf('is taken from our own pages alone')),
  session('a form without an origin is of this site by the browser’s word', "? request.get('Sec-Fetch-Site') === 'same-origin'", '? true', csrf('is taken from our own pages alone')),
  session('a form is of this session', 'if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {', 'if (false) {', csrf('is taken with the token of this very session alone')),
  at('web/routes/sign-in.tsx')('a form of somebody unknown is of this site', '    checkOrigin(request, context.settings);\n    next();', '    void [checkOrigin, request, context];\n    next();', csrf('POST /sign-in/as')),
  session('a session that was planted ends at sign-in', 'if (before) await endSession(context.sql, before);', '', fixation('ends the session of another that was planted')),
  at('web/routes/security.tsx')('a session has a new token once its owner has shown who they are', '  await renew(context, response, session, { proven: true });', "  await context.sql`UPDATE sessions SET proven_at = now() WHERE id = ${session.id}`;", fixation('the password shown again makes a new token')),
  at('web/routes/security.tsx')('a session has a new token with a new password', 'revokeKeys }, session.id);\n  await renew(context, response, session);', 'revokeKeys }, session.id);', fixation('a session has another token after each thing')),
  at('web/page.ts')('an address that somebody is sent on to is ours', "/^\\/(?![/\\\\])[\\w\\-./?=&%:]*$/.test(path)", 'path.length > 0', redirect('leads nowhere else after signing in')),
  at('web/routes/sign-in.tsx')('what a browser kept for the way back is asked again', 'seeOther(response, ownPath(next) ?? \'/\');\n    } catch', 'seeOther(response, String(next));\n    } catch', redirect('nor does a value that was planted')),
  name('a file’s name has no folder', "given.normalize('NFC').split(/[/\\\\]/).at(-1) ?? ''", "given.normalize('NFC')", path('is kept as')),
  name('a file’s name is not hidden', ".replace(/^[. ]+/, '')", '', path('is kept as')),
  at('api/route.ts')('a text that the database cannot keep goes no further', 'if (unstorable !== null) {', 'if (false as boolean && unstorable !== null) {', ['test/api/invalid-requests.test.ts', 'the character NUL']),
  at('web/pages.ts')('an address with NUL is none', 'if (/%00/.test(request.url)) throw', 'if (false) throw', path('is nothing')),
  address('an address is not private', "if (special.check(address, kind)) return false;\n", '', ssrf('is private')),
  address('an IPv6 address is one that is handed out', "|| global6.check(address, 'ipv6')", '|| true', ssrf('is private')),
  address('a URL’s address is judged', 'if (family(host) !== null && !isAllowedAddress(host, options)) return', 'if (false) return', ssrf('the URL')),
  address('a URL holds no line break', "if (!URL.canParse(text) || /[\\s\\p{Cc}]/u.test(text)) return", 'if (!URL.canParse(text)) return', header('carries no header of its owner’s')),
  wire('a literal address is judged where it is called', "if (/^[\\d.]+$|:/.test(host) && !isAllowedAddress(host, options)) {", 'if (false) {', ssrf('however it came into the table')),
  wire('an address that a name leads to is judged', 'if (refused !== undefined) return', 'if (false) return', ssrf('to a name that leads to')),
  wire('a connection asks our own resolver, once', '    lookup: guarded(options),\n', '', ssrf('goes to the very address that was judged')),
  at('api/bodies.ts')('a body names nothing else', 'export const accept = z.strictObject(', 'export const accept = z.object(', assignment('every body of the API is closed')),
  at('api/route.ts')('a body is what its call takes', 'if (!result.success) throw invalidInput(result.error, where);', 'if (!result.success) return value;', assignment('takes nothing that it does not name')),
  at('web/routes/accounts.tsx')('a buyer invites sellers, a seller buyers', "choicesFor(person).find(", 'EVERY_CHOICE.find(', ['test/web/sign-in.test.ts', 'a buyer invites a seller by mail']),
  name('a file’s name has nothing that ends a line', '.replaceAll(/[\\p{Cc}\\p{Cf}"<>|:*?;]/gu, \'\')', '', header('is kept without what could end a line')),
  at('api/files.ts')('a download’s header has nothing that ends a line', "file.name.replaceAll(/[^\\x20-\\x7e]|[\"\\\\%]/g, '_')", 'file.name', header('would be, also if it had come into the table')),
  at('api/auth.ts')('credentials that nobody has are counted', 'else await wrong(request, response, next);', 'else next();', ['test/api/limits.test.ts', 'are limited per address']),
  at('api/limits.ts')('how much a person may do is counted', 'if (totalHits > of.most) {', 'if (false) {', ['test/api/limits.test.ts', 'is for so many within a day']),
  at('api/limits.ts')('the calls of one key are counted', 'key: (request, response) => stateOf(response).caller?.ownerId ?? byAddress(request),', 'key: (request) => `${byAddress(request)}${Math.random()}`,', ['test/api/limits.test.ts', 'the calls of one key']),
  codec('ops read what workflows hold by a second factor', 'if (await mustEnrol(context, session, request.path)) {', 'if (false) {', read('with real money ops read')),
  codec('a key reads what workflows hold as far as its scopes', 'if (missing !== undefined) throw', 'if (false) throw', read('is released as any other')),
  at('messages/mail.tsx')('a subject is one line', 'subject: oneLine(subject)', 'subject: [subject, oneLine][0] as string', header('has its subject in one line')),
  at('api/app.ts')('a log line has no link’s token', '{ id: request.id, method: request.method, url: withoutSecrets(request.url) }', '{ id: request.id, method: request.method, url: [request.url, withoutSecrets][0] }', by('secrets')('the log holds no key')),
  at('api/app.ts')('an answer of the API is kept by no cache', "response.set('Cache-Control', 'no-store');", '', by('secrets')('is kept by no cache')),
  at('web/routes/accounts.tsx')('an invitation has one recipient', 'if (!/^[^\\s@<>(),;:"]+@[^\\s@<>(),;:"]+\\.[^\\s@<>(),;:"]+$/.test(email) || email.length > 200) return', 'if (email.length > 200) return', header('is no recipient')),
]; // prettier-ignore
