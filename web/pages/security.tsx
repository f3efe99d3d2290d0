// One's own security: sessions, password, second factor; and the pages before an account is open: code, reset, invitation.
import type { ApiKey } from '../../db/api-keys.ts';
import type { Invitation } from '../../db/invitations.ts';
import type { SecondFactor } from '../../db/second-factor.ts';
import type { OwnSession } from '../../db/sessions.ts';
import { totpUri } from '../../db/totp.ts';
import { ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { Field, Form } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import { ROLE_WORDS } from '../status-words.ts';

export const PASSWORD_LENGTH = { min: 12, max: 200 };

const Problem = ({ title, text }: { title: string; text: string | undefined }) =>
  text === undefined ? null : (
    <ErrorState title={title}>
      <p>{text}</p>
    </ErrorState>
  );

const NewPassword = () => (
  <Field id="password" label="New password" hint={`At least ${PASSWORD_LENGTH.min} characters; a sentence is good.`}>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="new-password"
      required
      minlength={PASSWORD_LENGTH.min}
      maxlength={PASSWORD_LENGTH.max}
      aria-describedby="password-hint"
    />
  </Field>
);

/** Whether the keys go with the password; which there are, so that nobody forgets that they outlive it. */
const KeysToo = ({ keys }: { keys: readonly ApiKey[] }) =>
  keys.length === 0 ? null : (
    <fieldset class="choices-list">
      <legend>Your API keys</legend>
      <p>
        They work on with the new password: {keys.map(({ label }) => `“${label}”`).join(', ')}. Revoke them if somebody
        else may have had the old one; programs that use them are refused from then on, for good.
      </p>
      <label class="check">
        <input type="checkbox" name="revoke_keys" value="yes" />
        <span>Revoke all my API keys, too</span>
      </label>
    </fieldset>
  );

const Code = ({ label, recovery }: { label: string; recovery: boolean }) => (
  <Field id="code" label={label} hint={recovery ? 'Six digits of your authenticator app, or a recovery code.' : 'Six digits.'}>
    <input id="code" name="code" autocomplete="one-time-code" required maxlength={40} aria-describedby="code-hint" />
  </Field>
); // prettier-ignore

interface SecurityProps {
  reader: Reader;
  sessions: readonly OwnSession[];
  /** Id of the one that looks. */
  own: string;
  factor: SecondFactor;
  keys: readonly ApiKey[];
  notice?: string | undefined;
  problem?: string | undefined;
}

export function SecurityPage({ reader, sessions, own, factor, keys, notice, problem }: SecurityProps) {
  return (
    <Layout title="Your security" reader={reader} path="/security">
      <h1>Your security</h1>
      <Notice text={notice} />
      <Problem title="Nothing was changed" text={problem} />
      <section class="card" aria-labelledby="factor">
        <h2 id="factor">
          Second factor <StatusChip label={factor.on ? 'On' : 'Off'} tone={factor.on ? 'good' : 'waiting'} />
        </h2>
        {factor.on ? (
          <>
            <p>Signing in asks for a code of your authenticator app. {String(factor.recoveryCodes)} recovery codes are left.</p>
            <div class="actions">
              <Form reader={reader} action="/security/recovery-codes">
                <button class="second" type="submit">New recovery codes</button>
              </Form>
              <Form reader={reader} action="/security/second-factor/off">
                <button class="second" type="submit">Turn it off</button>
              </Form>
            </div>
          </>
        ) : (
          <>
            <p>With it, a stolen password alone opens nothing: signing in also asks for a code of an app on your phone.</p>
            <Form reader={reader} action="/security/second-factor/begin">
              <button type="submit">Turn it on</button>
            </Form>
          </>
        )}
      </section>
      <section class="card" aria-labelledby="sessions">
        <h2 id="sessions">Where you are signed in</h2>
        <ul class="messages">
          {sessions.map((session) => (
            <li>
              <p>
                <span class="strong">{deviceOf(session.device)}</span>{' '}
                {session.id === own ? <StatusChip label="This one" tone="good" /> : null}
                <span class="of">
                  Signed in <Moment reader={reader} at={session.created_at} />, last seen <Moment reader={reader} at={session.last_seen_at} />
                </span>
              </p>
              {session.id === own ? null : (
                <Form reader={reader} action={`/security/sessions/${session.id}/end`}>
                  <button class="second" type="submit" aria-label={`End the session of ${deviceOf(session.device)}, signed in ${session.created_at.toISOString()}`}>
                    End it
                  </button>
                </Form>
              )}
            </li>
          ))}
        </ul>
        {sessions.length < 2 ? null : (
          <Form reader={reader} action="/security/sessions/end-others">
            <button class="second" type="submit">End all others</button>
          </Form>
        )}
      </section>
      <section class="card" aria-labelledby="change-password">
        <h2 id="change-password">Password</h2>
        <Form reader={reader} action="/security/password">
          <NewPassword />
          <KeysToo keys={keys} />
          <button type="submit">Change it</button>
        </Form>
      </section>
    </Layout>
  );
} // prettier-ignore

/** A browser's name and system out of what it calls itself; the rest says nothing to its owner. */
export function deviceOf(agent: string): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(agent)?.[1];
  const name = { Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser;
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1];
  if (name === undefined) return 'An unknown program';
  return system === undefined ? name : `${name} on ${system}`;
}

export function SecondFactorPage({ reader, secret, problem }: { reader: Reader; secret: string; problem?: string | undefined }) {
  return (
    <Layout title="Second factor" reader={reader}>
      <div class="narrow">
        <h1>Turn on your second factor</h1>
        <Problem title="It is not on yet" text={problem} />
        <ol>
          <li>
            <p>Give this key to your authenticator app, or <a href={totpUri(secret, reader.person.email)}>open it in the app</a> on this device:</p>
            <p><code class="id">{secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code></p>
          </li>
          <li>
            <p>Write the code that the app shows now.</p>
          </li>
        </ol>
        <Form reader={reader} action="/security/second-factor" class="card">
          <Code label="Code" recovery={false} />
          <button type="submit">Turn it on</button>
        </Form>
      </div>
    </Layout>
  );
} // prettier-ignore

export function RecoveryCodesPage({ reader, codes }: { reader: Reader; codes: readonly string[] }) {
  return (
    <Layout title="Recovery codes" reader={reader}>
      <div class="narrow">
        <h1>Your recovery codes</h1>
        <p>
          Keep them where you keep important papers. Each signs you in once if your app is lost. They are shown now and
          never again; older ones are good no more.
        </p>
        <ul class="card codes">
          {codes.map((code) => (
            <li>
              <code class="id">{code}</code>
            </li>
          ))}
        </ul>
        <p>
          <a href="/security">I have kept them</a>
        </p>
      </div>
    </Layout>
  );
}

const Next = ({ next }: { next: string | null }) =>
  next === null ? null : <input type="hidden" name="next" value={next} />;

interface StepUpProps {
  reader: Reader;
  next: string | null;
  /** What is asked for. */
  by: 'password' | 'code' | 'oidc';
  problem?: string | undefined;
}

export function StepUpPage({ reader, next, by, problem }: StepUpProps) {
  return (
    <Layout title="Is it still you?" reader={reader}>
      <div class="narrow">
        <h1>Is it still you?</h1>
        <p>You signed in a while ago. Before money moves or your security changes, show again who you are; then send the form once more. Nothing was done yet.</p>
        <Problem title="That was not right" text={problem} />
        {by === 'oidc' ? (
          <p><a class="button" href={`/sign-in/oidc?again=yes&next=${encodeURIComponent(next ?? '/')}`}>Ask my identity provider</a></p>
        ) : (
          <Form reader={reader} action="/step-up" class="card">
            <Next next={next} />
            {by === 'code' ? <Code label="Code" recovery={true} /> : (
              <Field id="password" label="Password">
                <input id="password" name="password" type="password" autocomplete="current-password" required />
              </Field>
            )}
            <button type="submit">Go on</button>
          </Form>
        )}
      </div>
    </Layout>
  );
} // prettier-ignore

export function CodePage({ next, problem }: { next: string | null; problem?: string | undefined }) {
  return (
    <Layout title="Your code" reader={null}>
      <div class="narrow">
        <h1>Your code</h1>
        <Problem title="You are not signed in" text={problem} />
        <form method="post" action="/sign-in/code" class="card">
          <Next next={next} />
          <Code label="Code" recovery={true} />
          <button type="submit">Sign in</button>
        </form>
        <p>
          <a href="/sign-in">Start again</a>
        </p>
      </div>
    </Layout>
  );
}

export function ResetAskPage({ notice, mails }: { notice: string | undefined; mails: boolean }) {
  return (
    <Layout title="New password" reader={null}>
      <div class="narrow">
        <h1>A new password</h1>
        <Notice text={notice} />
        {mails ? null : <p>This installation sends no mails (SMTP_URL is not set): its staff find the link in the outbox of the sandbox.</p>}
        <form method="post" action="/reset/ask" class="card">
          <Field id="email" label="E-mail" hint="We send a link to it.">
            <input id="email" name="email" type="email" autocomplete="username" required aria-describedby="email-hint" />
          </Field>
          <button type="submit">Send the link</button>
        </form>
        <p><a href="/sign-in">Back to signing in</a></p>
      </div>
    </Layout>
  );
} // prettier-ignore

export function ResetPage({
  token,
  keys,
  problem,
}: {
  token: string;
  keys: readonly ApiKey[];
  problem?: string | undefined;
}) {
  return (
    <Layout title="New password" reader={null}>
      <div class="narrow">
        <h1>Set a new password</h1>
        <Problem title="It is not set" text={problem} />
        <form method="post" action="/reset" class="card">
          <input type="hidden" name="token" value={token} />
          <NewPassword />
          <KeysToo keys={keys} />
          <button type="submit">Set it</button>
        </form>
      </div>
    </Layout>
  );
}

/** A link that was used, is too old, or never was. */
export function DeadLinkPage({ what }: { what: 'reset' | 'invitation' }) {
  return (
    <Layout title="This link is over" reader={null}>
      <div class="narrow">
        <h1>This link is over</h1>
        <p>It was used already, or its time has passed.</p>
        <p>
          {what === 'reset' ? <a href="/reset/ask">Ask for a new one</a> : 'Ask whoever invited you to do so again.'}
        </p>
      </div>
    </Layout>
  );
}

interface AcceptProps {
  invitation: Invitation;
  token: string;
  given: { name?: string | undefined; country?: string | undefined };
  problem?: string | undefined;
}

export function AcceptInvitationPage({ invitation, token, given, problem }: AcceptProps) {
  return (
    <Layout title="Your invitation" reader={null}>
      <div class="narrow">
        <h1>Welcome</h1>
        <p>
          {invitation.inviter} invites you as {roleWords(invitation.role, invitation.approver)}. You sign in as{' '}
          <span class="strong">{invitation.email}</span>.
        </p>
        <Problem title="Your account is not made yet" text={problem} />
        <form method="post" action="/invitation" class="card">
          <input type="hidden" name="token" value={token} />
          <Field id="name" label="Your name" hint="As the people you work with know you.">
            <input id="name" name="name" autocomplete="name" required maxlength={100} value={given.name ?? ''} aria-describedby="name-hint" />
          </Field>
          {invitation.role === 'seller' ? (
            <Field id="country" label="Country" hint="Two letters, such as US or DE: where your bank account is. Stripe pays you there.">
              <input id="country" name="country" autocomplete="country" required maxlength={2} pattern="[A-Za-z]{2}" value={given.country ?? ''} aria-describedby="country-hint" />
            </Field>
          ) : null}
          <NewPassword />
          <button type="submit">Make my account</button>
        </form>
      </div>
    </Layout>
  );
} // prettier-ignore

/** "a seller", "one of the staff who approves" */
export const roleWords = (role: Invitation['role'], approver: boolean): string =>
  ({ buyer: 'a buyer', seller: 'a seller', ops: approver ? 'one of the staff who approves' : 'one of the staff', auditor: 'an auditor, who reads only' })[role]; // prettier-ignore

interface InvitationsProps {
  reader: Reader;
  /** What the reader may invite to. */
  choices: readonly { value: string; label: string }[];
  invitations: readonly Invitation[];
  given: { email?: string | undefined; note?: string | undefined };
  notice?: string | undefined;
  problem?: string | undefined;
}

export function InvitationsPage({ reader, choices, invitations, given, notice, problem }: InvitationsProps) {
  return (
    <Layout title="Invite people" reader={reader} path="/invitations">
      <h1>Invite people</h1>
      <Notice text={notice} />
      <Problem title="Nobody was invited" text={problem} />
      <Form reader={reader} action="/invitations" class="card">
        <Field id="email" label="E-mail">
          <input id="email" name="email" type="email" required maxlength={200} value={given.email ?? ''} />
        </Field>
        {choices.length === 1 ? (
          <input type="hidden" name="as" value={choices[0]!.value} />
        ) : (
          <Field id="as" label="As">
            <select id="as" name="as">
              {choices.map(({ value, label }) => (
                <option value={value}>{label}</option>
              ))}
            </select>
          </Field>
        )}
        <Field id="note" label="A word to them" hint="It may stay empty.">
          <input id="note" name="note" maxlength={300} value={given.note ?? ''} aria-describedby="note-hint" />
        </Field>
        <button type="submit">{choices.length === 1 ? `Invite ${choices[0]!.label.toLowerCase()}` : 'Invite'}</button>
      </Form>
      {invitations.length === 0 ? null : (
        <div class="scroll" tabindex={0} role="region" aria-label="Invitations">
          <table>
            <thead>
              <tr>
                <th scope="col">E-mail</th>
                <th scope="col">As</th>
                <th scope="col">Invited</th>
                <th scope="col">Where it stands</th>
                <th scope="col">Take it back</th>
              </tr>
            </thead>
            <tbody>
              {invitations.map((i) => {
                const open = i.accepted_at === null && i.revoked_at === null && i.expires_at.getTime() > reader.now;
                return (
                  <tr>
                    <th scope="row">{i.email}</th>
                    <td>{ROLE_WORDS[i.role]}{i.approver ? ', approves' : ''}</td>
                    <td><Moment reader={reader} at={i.created_at} /> by {i.inviter}</td>
                    <td><StatusChip {...standing(i, open)} /></td>
                    <td>
                      {open ? (
                        <Form reader={reader} action={`/invitations/${i.id}/revoke`}>
                          <button class="second" type="submit" aria-label={`Take back the invitation of ${i.email}`}>Take it back</button>
                        </Form>
                      ) : null}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Layout>
  );
} // prettier-ignore

function standing(i: Invitation, open: boolean): { label: string; tone: 'good' | 'waiting' | 'plain' } {
  if (i.accepted_at !== null) return { label: 'Accepted', tone: 'good' };
  if (i.revoked_at !== null) return { label: 'Taken back', tone: 'plain' };
  return open ? { label: 'Waiting', tone: 'waiting' } : { label: 'Too old', tone: 'plain' };
}
