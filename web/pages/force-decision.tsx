// A decision over money that nobody decided about in time.
import { openAmount } from '../../domain/escrow-state.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { holdingLimitMs } from '../../domain/policy.ts';
import { formatMoney } from '../format.ts';
import { SelectField } from '../parts/form.tsx';
import { AskSecondPersonPage, type SecondPersonProps } from './ask-second-person.tsx';

export function ForceDecisionPage({ country, ...asked }: SecondPersonProps & { country: string }) {
  const { reader, record, typed } = asked;
  const { currency } = record.state.terms;
  const held = record.state.milestones.filter((m) => m.funds !== null && openAmount(m) > 0);
  const days = Math.floor(holdingLimitMs(country) / DAY_MS);
  return (
    <AskSecondPersonPage
      {...asked}
      title="Force a decision"
      path="force-decision"
      nothing={held.length === 0 ? 'There is no money over which to decide.' : null}
      consequences={{
        happens: [
          'Another person of ops is asked to approve it. If they do, all that is left of the milestone goes the way that you choose.',
          `A decision can be forced from 30 days before money was held for ${days} days, the longest that the platform may.`,
        ],
        stays: ['Until it is approved nothing moves, and buyer and seller can still act.'],
        irreversible: 'What was refunded or released cannot be called back.',
      }}
      button="Ask for this decision"
    >
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
    </AskSecondPersonPage>
  );
} // prettier-ignore
