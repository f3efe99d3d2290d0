// What waits for a second person: the list, and one request with exactly what would be done.
import type { Approval, ApprovalStatus } from '../../db/approvals.ts';
import { APPROVAL_STATUSES } from '../../db/approvals.ts';
import { CopyableId, Countdown, EmptyState, ErrorState, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { FilterTabs, Table } from '../parts/table.tsx';
import type { Names } from '../reads.ts';
import type { Reader } from '../reader.ts';
import { APPROVAL_KIND, APPROVAL_STATUS, PARAM_WORDS } from '../ops-words.ts';

interface ApprovalsProps {
  reader: Reader;
  approvals: readonly Approval[];
  status: ApprovalStatus | undefined;
  names: Names;
  older: string | null;
  notice: string | undefined;
}

export function ApprovalsPage({ reader, approvals, status, names, older, notice }: ApprovalsProps) {
  return (
    <Layout title="Approvals" reader={reader} path="/ops/approvals">
      <h1>Approvals</h1>
      <p class="lead">What one person of ops asked for, and another decides. Whoever asked never approves.</p>
      <Notice text={notice} />
      <FilterTabs
        label="Which requests"
        path="/ops/approvals"
        name="status"
        options={[[undefined, 'All'], ...APPROVAL_STATUSES.map((each) => [each, APPROVAL_STATUS[each].label] as const)]}
        chosen={status}
      />
      {approvals.length === 0 ? (
        <EmptyState title="Nothing is here">
          <p>Refunds and rulings over their limit, cancellations, write-offs and payout schedules wait here.</p>
        </EmptyState>
      ) : (
        <ul class="list">
          {approvals.map((a) => (
            <li class="card row">
              <div class="head">
                <h2>
                  <a href={`/ops/approvals/${a.id}`}>{APPROVAL_KIND[a.kind]}</a>
                </h2>
                <Amount reader={reader} approval={a} />
              </div>
              <StatusChip {...APPROVAL_STATUS[a.status]} />
              <p>
                {names.get(a.requested_by) ?? a.requested_by} asked, <Moment reader={reader} at={a.created_at} />
              </p>
              {a.status === 'pending' ? <Countdown reader={reader} until={a.expires_at.toISOString()} /> : null}
            </li>
          ))}
        </ul>
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older requests</a>
        </p>
      )}
    </Layout>
  );
}

function Amount({ reader, approval: { params } }: { reader: Reader; approval: Approval }) {
  const { amount, currency } = params;
  return typeof amount === 'number' && typeof currency === 'string' ? (
    <p class="amount">
      <Money reader={reader} of={{ amount, currency }} />
    </p>
  ) : null;
}

interface ApprovalProps {
  reader: Reader;
  approval: Approval;
  names: Names;
  /** What approving does, in sentences. */
  happens: readonly string[];
  notice: string | undefined;
  problem: string | undefined;
}

export function ApprovalPage({ reader, approval: a, names, happens, notice, problem }: ApprovalProps) {
  const own = a.requested_by === reader.person.id;
  const open = a.status === 'pending' && a.expires_at.getTime() > reader.now;
  const name = (id: string | null) => (id === null ? null : (names.get(id) ?? id));
  return (
    <Layout title={APPROVAL_KIND[a.kind]} reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href="/ops/approvals?status=pending">All that wait</a>
        </p>
        <h1>{APPROVAL_KIND[a.kind]}</h1>
        <Notice text={notice} />
        {problem === undefined ? null : (
          <ErrorState title="This was not decided">
            <p>{problem}</p>
            <p>Nothing has moved.</p>
          </ErrorState>
        )}
        <StatusChip {...APPROVAL_STATUS[a.status]} />
        <p>
          {name(a.requested_by)} asked, <Moment reader={reader} at={a.created_at} />
          {a.decided_at === null || (a.approved_by === null && a.denied_by === null) ? null : (
            <>
              ; {name(a.approved_by ?? a.denied_by)} {a.denied_by === null ? 'approved' : 'denied'} it,{' '}
              <Moment reader={reader} at={a.decided_at} />
            </>
          )}
          .
        </p>
        {open ? (
          <>
            <Countdown reader={reader} until={a.expires_at.toISOString()} />
            <p class="otherwise">Otherwise: the request expires, and nothing is done.</p>
          </>
        ) : null}
        <section class="card" aria-labelledby="exactly">
          <h2 id="exactly">Exactly this is carried out, once</h2>
          <Params reader={reader} approval={a} names={names} />
          <p class="quiet">
            Bound to its fingerprint: <CopyableId id={a.params_hash} />
          </p>
          {a.escrow_id === null ? null : (
            <p>
              <a href={`/escrows/${a.escrow_id}`}>Open the escrow</a> before you decide.
            </p>
          )}
        </section>
        {happens.length === 0 || !open ? null : (
          <section class="consequences" aria-labelledby="happens">
            <h2 id="happens">If you approve</h2>
            <ul>
              {happens.map((line) => (
                <li>{line}</li>
              ))}
            </ul>
          </section>
        )}
        {a.outcome === null ? null : (
          <section class="card" aria-labelledby="outcome">
            <h2 id="outcome">What came of it</h2>
            <ul class="plain-list">
              {Object.entries(a.outcome).map(([key, value]) => (
                <li>
                  {PARAM_WORDS[key] ?? key.replaceAll('_', ' ')}: {String(value ?? 'none')}
                </li>
              ))}
            </ul>
          </section>
        )}
        {open && reader.person.role === 'ops' ? <Decision reader={reader} approval={a} own={own} /> : null}
      </div>
    </Layout>
  );
}

function Params({ reader, approval: { params }, names }: Pick<ApprovalProps, 'reader' | 'approval' | 'names'>) {
  const { currency } = params;
  return (
    <Table label="The parameters" columns={['Parameter', 'Value']}>
      {Object.entries(params).map(([key, value]) => (
        <tr>
          <th scope="row">{PARAM_WORDS[key] ?? key.replaceAll('_', ' ')}</th>
          <td>
            {typeof value === 'number' && key.includes('amount') && typeof currency === 'string' ? (
              <>
                <Money reader={reader} of={{ amount: value, currency }} />{' '}
                <span class="quiet">({String(value)} minor units)</span>
              </>
            ) : typeof value === 'string' && names.has(value) ? (
              <>
                {names.get(value)} <CopyableId id={value} />
              </>
            ) : typeof value === 'string' && /^[a-z]+_\w{8,}$/i.test(value) ? (
              <CopyableId id={value} />
            ) : (
              String(value ?? 'none')
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Decision({ reader, approval, own }: { reader: Reader; approval: Approval; own: boolean }) {
  if (own) return <p class="strong">You asked for this: another person of ops decides it.</p>;
  const at = `/ops/approvals/${approval.id}`;
  return (
    <div class="actions">
      <Form reader={reader} action={`${at}/approve`} commandKey={newKey()}>
        <input type="hidden" name="params_hash" value={approval.params_hash} />
        <button type="submit">Approve, and carry it out</button>
      </Form>
      <Form reader={reader} action={`${at}/deny`} commandKey={newKey()}>
        <input type="hidden" name="params_hash" value={approval.params_hash} />
        <button class="second" type="submit">
          Deny
        </button>
      </Form>
    </div>
  );
}
