// System health: every part on which money depends, with how long it took to answer; and the invariants, checked on request.
import type { InvariantResult } from '../../db/invariants.ts';
import { CopyableId, Moment, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';

export interface PartHealth {
  name: string;
  ok: boolean;
  /** What it says of itself, or why it does not answer. */
  detail: string;
  tookMs: number;
}

interface HealthProps {
  reader: Reader;
  mode: string;
  parts: readonly PartHealth[];
  /** Null: not asked for. */
  invariants: readonly InvariantResult[] | null;
  commands: readonly { key: string; route: string; created_at: Date }[];
}

export function HealthPage({ reader, mode, parts, invariants, commands }: HealthProps) {
  const bad = parts.filter((p) => !p.ok);
  return (
    <Layout title="System health" reader={reader} path="/ops/health">
      <h1>System health</h1>
      <p class="lead">
        {bad.length === 0 ? 'Every part answers.' : `${bad.map((p) => p.name).join(', ')}: look here first.`} Mode: {mode}.
      </p>
      <Table label="Parts" columns={['Part', 'State', 'What it says', { label: 'Answered in', right: true }]}>
        {parts.map((p) => (
          <tr>
            <th scope="row">{p.name}</th>
            <td>
              <StatusChip label={p.ok ? 'Works' : 'Needs a look'} tone={p.ok ? 'good' : 'bad'} />
            </td>
            <td>{p.detail}</td>
            <td class="right">{p.tookMs.toFixed(0)} ms</td>
          </tr>
        ))}
      </Table>
      {commands.length === 0 ? null : (
        <>
          <h2>Commands without an outcome</h2>
          <p>The worker asks for them again by itself. If they stay, the workflow’s page in Temporal says why.</p>
          <Table label="Commands without an outcome" columns={['Since', 'Call']}>
            {commands.map((c) => (
              <tr>
                <td>
                  <Moment reader={reader} at={c.created_at} />
                </td>
                <th scope="row">
                  {c.route} <CopyableId id={c.key} />
                </th>
              </tr>
            ))}
          </Table>
        </>
      )}
      <h2 id="invariants">Invariants of the money</h2>
      {invariants === null ? (
        <p>
          <a class="button second" href="/ops/health?invariants=true#invariants">
            Check them now
          </a>
        </p>
      ) : (
        <Table label="Invariants" columns={['No.', 'Invariant', 'Holds']}>
          {invariants.map((i) => (
            <tr>
              <td>{String(i.number)}</td>
              <th scope="row">
                {i.name}
                {i.holds ? null : <span class="of">{`${i.rows.length} rows break it: npm run verify shows them.`}</span>}
              </th>
              <td>
                <StatusChip label={i.holds ? 'Holds' : 'Broken'} tone={i.holds ? 'good' : 'bad'} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Layout>
  );
} // prettier-ignore
