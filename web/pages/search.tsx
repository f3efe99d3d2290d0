// What a search found: escrows by their titles and people, people by their addresses and names.
import type { FoundEscrow, FoundPerson } from '../reads.ts';
import { CopyableId, Moment, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { ESCROW_STATUS, ROLE_WORDS } from '../status-words.ts';

interface SearchProps {
  reader: Reader;
  asked: string;
  escrows: readonly FoundEscrow[];
  people: readonly FoundPerson[];
}

export function SearchPage({ reader, asked, escrows, people }: SearchProps) {
  return (
    <Layout title={`Search: ${asked}`} reader={reader}>
      <p class="back">
        <a href="/ops">Today</a>
      </p>
      <h1>Found for “{asked}”</h1>
      {people.length === 0 ? null : (
        <Table label="People" columns={['Person', 'Role', 'E-mail', 'Look at']}>
          {people.map((p) => (
            <tr>
              <th scope="row">
                {p.name} <CopyableId id={p.id} />
              </th>
              <td>{ROLE_WORDS[p.role]}</td>
              <td>{p.email}</td>
              <td>
                <a href={`/ops/audit?actor=${p.id}`}>what they did</a>
                {p.role === 'seller' ? (
                  <>
                    , <a href={`/ops/debts?seller=${p.id}`}>debts</a>
                  </>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {escrows.length === 0 ? null : (
        <Table label="Escrows" columns={['Escrow', 'Proposed', 'Status']}>
          {escrows.map((e) => (
            <tr>
              <th scope="row">
                <a href={`/escrows/${e.id}`}>{e.title}</a>
                <span class="of">{e.parties}</span>
              </th>
              <td>
                <Moment reader={reader} at={e.created_at} />
              </td>
              <td>
                <StatusChip {...ESCROW_STATUS[e.status]} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Layout>
  );
}
