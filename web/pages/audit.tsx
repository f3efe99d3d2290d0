// The audit log: who did what, newest first, and whether the chain that seals it holds.
import type { AuditChain, AuditEntry } from '../../db/audit.ts';
import { CopyableId, EmptyState, ErrorState, Moment } from '../parts/basics.tsx';
import { TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Names } from '../reads.ts';
import type { Reader } from '../reader.ts';
import { ROLE_WORDS } from '../status-words.ts';
import type { Role } from '../../domain/escrow-state.ts';

interface AuditProps {
  reader: Reader;
  entries: readonly (AuditEntry & { seq: bigint | null; hash: string | null })[];
  names: Names;
  subject: string;
  actor: string;
  older: string | null;
  /** Null: it was not asked for. */
  chain: AuditChain | null;
}

export function AuditPage({ reader, entries, names, subject, actor, older, chain }: AuditProps) {
  return (
    <Layout title="Audit log" reader={reader} path="/ops/audit">
      <h1>Audit log</h1>
      <p class="lead">Everything that people and the platform did. Nobody can change or delete an entry.</p>
      <Chain chain={chain} />
      <form method="get" action="/ops/audit" class="search" role="search" aria-label="Filter the log">
        <div class="columns">
          <TextInput name="subject" label="About" hint="Such as the id of an escrow." value={subject} />
          <TextInput name="actor" label="By" hint="The id of a person." value={actor} />
        </div>
        <div class="actions">
          <button type="submit">Show</button>
          <button class="second" type="submit" name="verify" value="true">
            Verify the whole chain
          </button>
        </div>
      </form>
      {entries.length === 0 ? (
        <EmptyState title="There is no such entry">
          <p>Take away a filter, or look for another id.</p>
        </EmptyState>
      ) : (
        <Table label="Entries of the log" columns={['When', 'Who', 'Did what', 'About', 'Outcome', 'Seal']}>
          {entries.map((e) => (
            <tr>
              <td>
                <Moment reader={reader} at={e.at} />
              </td>
              <td>
                {e.actor_id === null ? (
                  'The platform'
                ) : (
                  <a href={`/ops/audit?actor=${encodeURIComponent(e.actor_id)}`}>{names.get(e.actor_id) ?? e.actor_id}</a>
                )}
                {e.actor_role === null ? null : <span class="of">{ROLE_WORDS[e.actor_role as Role] ?? e.actor_role}</span>}
              </td>
              <th scope="row">{e.action.replaceAll(/[._]/g, ' ')}</th>
              <td>{e.subject === null ? 'nothing' : <CopyableId id={e.subject} />}</td>
              <td>{e.outcome.replaceAll('_', ' ')}</td>
              <td>{e.seq === null ? 'not yet' : <span title={e.hash ?? ''}>{`no. ${String(e.seq)}`}</span>}</td>
            </tr>
          ))}
        </Table>
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older entries</a>
        </p>
      )}
    </Layout>
  );
} // prettier-ignore

function Chain({ chain }: { chain: AuditChain | null }) {
  if (chain === null) return null;
  const { holds, sealed, unsealed, head, broken } = chain;
  if (holds) {
    return (
      <div class="notice" role="status">
        <p>
          The chain holds: {String(sealed)} entries were walked from the first to the last, {String(unsealed)} wait for
          their seal.
        </p>
        {head === null ? null : (
          <p>
            Its head is number {String(head.seq)}, <CopyableId id={head.hash} />. Note it outside of this installation:
            then nobody can replace the whole log unseen.
          </p>
        )}
      </div>
    );
  }
  return (
    <ErrorState title="The chain does not hold">
      <p>
        {broken?.seq == null ? '' : `At number ${String(broken.seq)}, `}entry {String(broken?.entry_id)}: {broken?.why}.
      </p>
      <p>Somebody changed the log, or its sealing stands still. Keep the database as it is and look at it now.</p>
    </ErrorState>
  );
}
