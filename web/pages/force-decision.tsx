// A decision over money that nobody decided about in time.
import type { EscrowRecord } from '../../db/escrows.ts';
import { openAmount } from '../../domain/escrow-state.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { holdingLimitMs } from '../../domain/policy.ts';
import { formatMoney } from '../format.ts';
import { EmptyState, ErrorState } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { Form, newKey, SelectField, TextField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';

interface ForceDecisionProps {
  reader: Reader;
  record: EscrowRecord;
  country: string;
  typed: Readonly<Record<string, string | undefined>>;
  problem: string | undefined;
}

export function ForceDecisionPage({ reader, record, country, typed, problem }: ForceDecisionProps) {
  const { state } = record;
  const home = `/escrows/${state.id}`;
  const { currency } = state.terms;
  const held = state.milestones.filter((m) => m.funds !== null && openAmount(m) > 0);
  const days = Math.floor(holdingLimitMs(country) / DAY_MS);
  return (
    <Layout title="Force a decision" reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        <h1>
          Force a decision<span class="of">{state.terms.title}</span>
        </h1>
        {problem === undefined ? null : (
          <ErrorState title="This was not asked">
            <p>{problem}</p>
            <p>Nothing has changed and no money has moved.</p>
          </ErrorState>
        )}
        {held.length === 0 ? (
          <EmptyState title="Nothing is held here">
            <p>There is no money over which to decide.</p>
          </EmptyState>
        ) : (
          <>
            <ConsequencePanel
              consequences={{
                happens: [
                  'Another person of ops is asked to approve it. If they do, all that is left of the milestone goes the way that you choose.',
                  `A decision can be forced from 30 days before money was held for ${days} days, the longest that the platform may.`,
                ],
                stays: ['Until it is approved nothing moves, and buyer and seller can still act.'],
                irreversible: 'What was refunded or released cannot be called back.',
                button: '',
              }}
            />
            <Form reader={reader} action={`/ops/escrows/${state.id}/force-decision`} commandKey={newKey()} class="card">
              <SelectField
                name="milestone_id"
                label="Milestone"
                value={typed['milestone_id'] ?? ''}
                options={held.map((m) => [m.id, `${m.title}: ${formatMoney(reader.locale, { amount: openAmount(m), currency })} held`] as const)}
              />
              <SelectField
                name="decision"
                label="Where the money goes"
                value={typed['decision'] ?? 'refund'}
                options={[['refund', 'Back to the buyer'], ['release', 'To the seller, less the fee']]}
              />
              <TextField name="reason" label="Reason" hint="Both sides and whoever approves read it." value={typed['reason']} required />
              <div class="actions">
                <button type="submit">Ask for this decision</button>
                <a class="button plain" href={home}>
                  Do nothing
                </a>
              </div>
            </Form>
          </>
        )}
      </div>
    </Layout>
  );
} // prettier-ignore
