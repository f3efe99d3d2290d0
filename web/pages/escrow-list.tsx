// The escrows of one person: what needs them, what they wait for, what is done.
import type { EscrowRecord } from '../../db/escrows.ts';
import { chargeMinor } from '../../domain/terms.ts';
import { counted } from '../format.ts';
import type { ListGroup, NextStep } from '../next-step.ts';
import { Countdown, EmptyState, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { whoActs } from '../parts/next-step.tsx';
import type { Reader } from '../reader.ts';
import { ESCROW_STATUS } from '../status-words.ts';

export interface Listed {
  record: EscrowRecord;
  step: NextStep;
  group: ListGroup;
}

interface ListPageProps {
  reader: Reader;
  escrows: readonly Listed[];
  show: ListGroup | null;
  /** Address of the older ones, if there are more. */
  older: string | null;
  notice: string | undefined;
}

const GROUPS: readonly [ListGroup, string][] = [
  ['needs-you', 'Needs you'],
  ['waiting', 'Waiting'],
  ['done', 'Done'],
];

const TITLES = { buyer: 'Your escrows', seller: 'Your work', ops: 'Escrows', auditor: 'Escrows' } as const;

export function EscrowListPage({ reader, escrows, show, older, notice }: ListPageProps) {
  const { role } = reader.person;
  const title = TITLES[role];
  const proposes = role === 'buyer' || role === 'seller';
  const shown = GROUPS.filter(([group]) => show === null || show === group);
  return (
    <Layout title={title} reader={reader} path="/escrows">
      <div class="title">
        <h1>{title}</h1>
        {proposes ? (
          <a class="button" href="/escrows/new">
            New escrow
          </a>
        ) : null}
      </div>
      <Notice text={notice} />
      <nav class="tabs" aria-label="Which escrows">
        <ul>
          {([[null, 'All'], ...GROUPS] as const).map(([group, label]) => (
            <li>
              <a href={group === null ? '/escrows' : `/escrows?show=${group}`} {...(group === show ? { 'aria-current': 'true' } : {})}>
                {label} <span class="count">{String(escrows.filter((e) => group === null || e.group === group).length)}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {escrows.length === 0 ? (
        <EmptyState title="There is no escrow here yet">
          <p>
            {proposes
              ? 'An escrow holds the buyer’s money until the work is accepted. Propose the terms; the other side agrees; then it is paid.'
              : 'Escrows appear here as soon as a buyer or a seller proposes one.'}
          </p>
        </EmptyState>
      ) : (
        shown.map(([group, label]) => (
          <Group reader={reader} label={label} group={group} escrows={escrows.filter((e) => e.group === group)} />
        ))
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older escrows</a>
        </p>
      )}
    </Layout>
  );
} // prettier-ignore

const NOTHING: Record<ListGroup, string> = {
  'needs-you': 'Nothing needs you.',
  waiting: 'Nothing is waiting for others.',
  done: 'Nothing is done yet.',
};

function Group({ reader, label, group, escrows }: { reader: Reader; label: string; group: ListGroup; escrows: readonly Listed[] }) {
  return (
    <section aria-labelledby={`group-${group}`}>
      <h2 id={`group-${group}`}>
        {label} <span class="quiet">({counted(escrows.length, 'escrow')})</span>
      </h2>
      {escrows.length === 0 ? (
        <p class="quiet">{NOTHING[group]}</p>
      ) : (
        <ul class="list">
          {escrows.map((each) => (
            <Row reader={reader} {...each} />
          ))}
        </ul>
      )}
    </section>
  );
} // prettier-ignore

function Row({ reader, record, step }: Listed & { reader: Reader }) {
  const { state, parties } = record;
  const total = chargeMinor(state.terms.milestones);
  const others = parties.filter((p) => p.id !== reader.person.id).map((p) => p.name);
  const over = step.waiting.who === 'nobody';
  return (
    <li class="card row">
      <div class="head">
        <div>
          <h3>
            <a href={`/escrows/${state.id}`}>{state.terms.title}</a>
          </h3>
          <p class="quiet">With {others.join(', ')}</p>
        </div>
        <p class="amount">
          <Money reader={reader} of={{ amount: total, currency: state.terms.currency }} />
        </p>
      </div>
      <StatusChip {...ESCROW_STATUS[state.status]} />
      {state.frozen.length > 0 ? <StatusChip label="Frozen" tone="bad" /> : null}
      {over ? null : (
        <p>
          <span class="strong">{step.yours ? 'You act next' : whoActs(step.waiting.who, record)}.</span> {step.waiting.what}
        </p>
      )}
      {step.waiting.until === null ? null : <Countdown reader={reader} until={step.waiting.until} />}
    </li>
  );
} // prettier-ignore
