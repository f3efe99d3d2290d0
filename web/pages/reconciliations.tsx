// Staff's pages of reconciliation: the runs, and one run with what differs, why, and the repairs to ask for.
import { statusOf } from '../../api/reconciliation-view.ts';
import type { DifferenceRow, ReconciliationRun } from '../../db/reconciliation.ts';
import type { Side } from '../../domain/reconciliation.ts';
import { CopyableId, EmptyState, ErrorState, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey, SelectField, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { DIFFERENCE_STATUS, REPAIR_WORDS, RUN_STATUS } from '../ops-words.ts';

interface RunsProps {
  reader: Reader;
  runs: readonly ReconciliationRun[];
  older: string | null;
  notice: string | undefined;
  problem: string | undefined;
}

export function ReconciliationsPage({ reader, runs, older, notice, problem }: RunsProps) {
  return (
    <Layout title="Reconciliation" reader={reader} path="/ops/reconciliations">
      <h1>Reconciliation</h1>
      <p class="lead">Stripe’s books against ours: every night at 03:30 UTC, and whenever you ask. It moves no money.</p>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="It was not started">
          <p>{problem}</p>
        </ErrorState>
      )}
      {reader.person.role === 'ops' ? (
        <Form reader={reader} action="/ops/reconciliations" commandKey={newKey()} class="card">
          <TextInput name="days" label="Days back" hint="From 1 to 90. What is open is compared however old it is." value="7" inputmode="decimal" required />
          <button type="submit">Reconcile now</button>
        </Form>
      ) : null}
      {runs.length === 0 ? (
        <EmptyState title="None has run yet">
          <p>The first one runs tonight.</p>
        </EmptyState>
      ) : (
        <Table label="Runs" columns={['Run', 'Asked by', 'Status', { label: 'Differences', right: true }, { label: 'Still open', right: true }]}>
          {runs.map((run) => (
            <tr>
              <th scope="row">
                <a href={`/ops/reconciliations/${run.id}`}>
                  <Moment reader={reader} at={run.started_at} />
                </a>
              </th>
              <td>{run.trigger === 'schedule' ? 'the nightly schedule' : 'a person'}</td>
              <td><StatusChip {...RUN_STATUS[run.status]} /></td>
              <td class="right">{String(run.differences)}</td>
              <td class="right">{String(run.open)}</td>
            </tr>
          ))}
        </Table>
      )}
      {older === null ? null : <p><a href={older}>Older runs</a></p>}
    </Layout>
  );
} // prettier-ignore

interface RunProps {
  reader: Reader;
  run: ReconciliationRun;
  differences: readonly DifferenceRow[];
  more: string | null;
  notice: string | undefined;
  problem: string | undefined;
}

export function ReconciliationPage({ reader, run, differences, more, notice, problem }: RunProps) {
  const figures = Object.entries(run.figures).map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`);
  return (
    <Layout title="A reconciliation" reader={reader}>
      <p class="back"><a href="/ops/reconciliations">All runs</a></p>
      <h1>Reconciliation</h1>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="It was not asked for">
          <p>{problem}</p>
        </ErrorState>
      )}
      <p>
        <StatusChip {...RUN_STATUS[run.status]} /> <CopyableId id={run.id} />
      </p>
      <p class="quiet">
        From <Moment reader={reader} at={run.window_from} /> to <Moment reader={reader} at={run.window_to} />
        {figures.length === 0 ? null : ` · compared: ${figures.join(', ')}`}
      </p>
      {run.error === null ? null : <p class="strong">{run.error}</p>}
      {differences.length === 0 ? (
        <EmptyState title={run.status === 'running' ? 'Nothing differs so far' : 'Nothing differs'}>
          <p>{run.status === 'running' ? 'Load this page again in a moment.' : 'Both sides say the same.'}</p>
        </EmptyState>
      ) : (
        differences.map((d) => <DifferenceCard reader={reader} run={run} d={d} />)
      )}
      {more === null ? null : <p><a href={more}>More differences</a></p>}
    </Layout>
  );
} // prettier-ignore

function DifferenceCard({ reader, run, d }: { reader: Reader; run: ReconciliationRun; d: DifferenceRow }) {
  const status = statusOf(d);
  const id = `difference-${d.n}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        {String(d.n)}. {d.kind.replaceAll('_', ' ')}{' '}
        {d.amount === null || d.currency === null ? null : <Money reader={reader} of={{ amount: d.amount, currency: d.currency }} />}
      </h2>
      <p><StatusChip {...DIFFERENCE_STATUS[status]} /> <CopyableId id={d.subject} /></p>
      <p>{d.cause}</p>
      <dl>
        <dt>Stripe</dt>
        <dd>{sideInWords(d.stripe)}</dd>
        <dt>Here</dt>
        <dd>{sideInWords(d.ours)}</dd>
      </dl>
      {d.escrow_id === null ? null : <p><a href={`/escrows/${d.escrow_id}`}>Its escrow</a></p>}
      {d.outcome === null ? null : <p class="quiet">{d.outcome}</p>}
      {status === 'asked' ? <p><a href={`/ops/approvals/${d.approval_id}`}>The request that waits for a second person</a></p> : null}
      {status === 'open' && reader.person.role === 'ops' ? (
        <Form reader={reader} action={`/ops/reconciliations/${run.id}/differences/${d.n}/repair`} commandKey={newKey()}>
          <SelectField name="repair" id={`repair-${d.n}`} label="Repair" value={d.repairs[0] ?? 'explain'} options={d.repairs.map((each) => [each, REPAIR_WORDS[each]])} />
          <TextInput name="reason" id={`reason-${d.n}`} label="Reason" hint="Whoever approves reads it." value="" required />
          <button type="submit">Ask another of ops</button>
        </Form>
      ) : null}
    </section>
  );
} // prettier-ignore

const sideInWords = (side: Side | null): string =>
  side === null
    ? 'nothing'
    : Object.entries(side)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${String(value)}`)
        .join(' · ');
