// The terms as both sides sign them, in sentences: who pays what, when, how long each step may take, what a refund returns.
import type { EscrowState } from '../../domain/escrow-state.ts';
import { policyInWords } from '../../domain/policy.ts';
import { chargeMinor, type Terms } from '../../domain/terms.ts';
import { counted, formatDay, formatSpan } from '../format.ts';
import type { Reader } from '../reader.ts';
import { FEE_PAYER_WORDS, FUNDING_WORDS } from '../status-words.ts';
import { CopyableId, Money } from './basics.tsx';

export function TermsSummary({ reader, state }: { reader: Reader; state: EscrowState }) {
  return (
    <section class="card" aria-labelledby="terms">
      <h2 id="terms">Terms</h2>
      <TermsInWords reader={reader} terms={state.terms} />
      <p class="quiet">
        Version {String(state.terms.version)}; its fingerprint, which everybody signs:{' '}
        <CopyableId id={state.termsHash} />
      </p>
    </section>
  );
}

export function TermsInWords({ reader, terms }: { reader: Reader; terms: Terms }) {
  const { policy, currency } = terms;
  const words = policyInWords(policy);
  const total = chargeMinor(terms.milestones);
  const buyerFee = terms.milestones.reduce((sum, m) => sum + m.buyerFee, 0);
  return (
    <>
      <div class="scroll" tabindex={0} role="region" aria-label="Milestones and prices">
        <table>
          <caption class="visually-hidden">Milestones and what each costs</caption>
          <thead>
            <tr>
              <th scope="col">Milestone</th>
              <th scope="col">Due</th>
              <th scope="col">Time to review</th>
              <th scope="col" class="right">
                Price
              </th>
              <th scope="col" class="right">
                The seller gets
              </th>
            </tr>
          </thead>
          <tbody>
            {terms.milestones.map((m) => (
              <tr>
                <th scope="row">{m.title}</th>
                <td>{m.dueAt === null ? 'not stated' : formatDay(reader, m.dueAt)}</td>
                <td>{formatSpan(m.inspectionMs)}</td>
                <td class="right">
                  <Money reader={reader} of={{ amount: m.amount, currency }} />
                </td>
                <td class="right">
                  <Money reader={reader} of={{ amount: m.amount - m.sellerFee, currency }} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul class="plain-list">
        <li>
          The buyer pays <Money reader={reader} of={{ amount: total, currency }} />
          {buyerFee === 0 ? null : (
            <>
              , of which <Money reader={reader} of={{ amount: buyerFee, currency }} /> is the fee
            </>
          )}
          . {FUNDING_WORDS[terms.funding]}.
        </li>
        <li>
          {FEE_PAYER_WORDS[terms.feePayer]}: {String(terms.fee.rateBps / 100)} % of each milestone
          {terms.fee.floor === 0 ? null : (
            <>
              , at least <Money reader={reader} of={{ amount: terms.fee.floor, currency }} />
            </>
          )}
          .
        </li>
        <li>If the buyer says nothing while the time to review runs, the money goes to the seller.</li>
        <li>
          Changes may be asked for {counted(policy.maxRounds, 'time')}. The buyer may take more time once, at most as
          long again.
        </li>
        <li>
          Agree within {formatSpan(policy.agreeMs)}, pay within {formatSpan(policy.fundMs)}, answer a request within{' '}
          {formatSpan(policy.confirmMs)}.
        </li>
        <li>{words.fee_return}</li>
        <li>{words.loss}</li>
        <li>{words.dispute_fee}</li>
        <li>{words.clawback}</li>
      </ul>
    </>
  );
}
