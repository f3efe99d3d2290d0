// One's own API keys: made with scopes, shown once, revoked at once.
import { type ApiKey, SCOPES, type Scope } from '../../db/api-keys.ts';
import { CopyableId, EmptyState, ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { DeveloperTabs } from '../parts/developer-tabs.tsx';
import { Form, newKey, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';

const SCOPE_WORDS: Record<Scope, { label: string; hint: string }> = {
  read: { label: 'Read', hint: 'sees what you see, and changes nothing' },
  write: { label: 'Write', hint: 'does what you may do: pay, accept, submit, ask for refunds' },
  ops: { label: 'Staff', hint: 'with the others: the calls of staff' },
};

interface ApiKeysProps {
  reader: Reader;
  keys: readonly ApiKey[];
  more: string | null;
  given?: { label?: string | undefined; scopes: readonly string[] } | undefined;
  notice?: string | undefined;
  problem?: string | undefined;
}

export function ApiKeysPage({ reader, keys, more, given = { scopes: ['read', 'write'] }, notice, problem }: ApiKeysProps) {
  const staff = reader.person.role === 'ops' || reader.person.role === 'auditor';
  return (
    <Layout title="API keys" reader={reader} path="/api-keys">
      <h1>API keys</h1>
      <DeveloperTabs reader={reader} at="/api-keys" />
      <p class="lead">A program that holds one of your keys acts as you, as far as the key’s scopes go.</p>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="No key was made">
          <p>{problem}</p>
        </ErrorState>
      )}
      {keys.length === 0 ? (
        <EmptyState title="You have no keys">
          <p>Make one for each program, so that you can revoke one without the others.</p>
        </EmptyState>
      ) : (
        <Table label="Your keys" columns={['Name', 'Scopes', 'Made', 'Last used', 'Revoke']}>
          {keys.map((key) => (
            <tr>
              <th scope="row">{key.label}</th>
              <td>{key.scopes.map((scope) => SCOPE_WORDS[scope].label).join(', ')}</td>
              <td><Moment reader={reader} at={key.created_at} /></td>
              <td>{key.last_used_at === null ? 'Never' : <Moment reader={reader} at={key.last_used_at} />}</td>
              <td>
                <details>
                  <summary aria-label={`Revoke ${key.label}, made ${key.created_at.toISOString()}`}>Revoke…</summary>
                  <p>Programs that use it are refused from then on, for good.</p>
                  <Form reader={reader} action={`/api-keys/${key.id}/revoke`}>
                    <button class="second" type="submit" aria-label={`Revoke ${key.label} for good, made ${key.created_at.toISOString()}`}>Revoke it for good</button>
                  </Form>
                </details>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {more === null ? null : <p><a href={more}>More keys</a></p>}
      {keys.length < 2 ? null : (
        <details>
          <summary>Revoke all…</summary>
          <p>For when you do not know which of them somebody else has. Every program that uses one is refused from then on, for good.</p>
          <Form reader={reader} action="/api-keys/revoke-all">
            <button class="second" type="submit">Revoke all my keys for good</button>
          </Form>
        </details>
      )}
      <Form reader={reader} action="/api-keys" commandKey={newKey()} class="card">
        <h2>Make a key</h2>
        <TextInput name="label" label="Name" hint="Which program it is for; only you read it." value={given.label ?? ''} required />
        <fieldset class="choices-list">
          <legend>Scopes</legend>
          {SCOPES.filter((scope) => scope !== 'ops' || staff).map((scope) => (
            <label class="check">
              <input type="checkbox" name="scopes" value={scope} checked={given.scopes.includes(scope)} />
              <span>{SCOPE_WORDS[scope].label} <span class="quiet">({SCOPE_WORDS[scope].hint})</span></span>
            </label>
          ))}
        </fieldset>
        <button type="submit">Make it</button>
      </Form>
    </Layout>
  );
} // prettier-ignore

interface ApiKeyMadeProps {
  reader: Reader;
  apiKey: { id: string; label: string };
  /** Undefined: this form was sent before, and the key shown then. */
  secret: string | undefined;
}

export function ApiKeyMadePage({ reader, apiKey, secret }: ApiKeyMadeProps) {
  return (
    <Layout title="Your new API key" reader={reader}>
      <div class="narrow">
        <h1>Your new API key</h1>
        <p>
          <StatusChip label={apiKey.label} tone="good" /> <CopyableId id={apiKey.id} />
        </p>
        <ShownOnce
          what="The key"
          secret={secret}
          otherwise="Revoke this key and make another one if you have not kept it."
        />
        <p>
          Send it as <code>Authorization: Bearer …</code>; the <a href="/docs">API reference</a> shows every call.
        </p>
        <p>
          <a href="/api-keys">I have kept it</a>
        </p>
      </div>
    </Layout>
  );
}
