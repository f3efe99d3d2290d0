// Everything that happened to an escrow, in one order and the same for both sides: who or what did it, and its evidence.
import type { TimelineRow } from '../../db/escrows.ts';
import { formatMoment, formatMoney } from '../format.ts';
import type { Reader } from '../reader.ts';
import { eventWords } from '../words.ts';
import { CopyableId, Moment } from './basics.tsx';

interface TimelineProps {
  reader: Reader;
  entries: readonly TimelineRow[];
  /** Title per milestone id. */
  milestones: ReadonlyMap<string, string>;
  currency: string;
  settlementCurrency: string;
}

/** Data that is proof, with what it proves. */
const EVIDENCE: Record<string, string> = {
  terms_hash: 'terms',
  deliverable_sha256: 'delivery',
  payment_id: 'payment',
  charge_id: 'charge',
  transfer_id: 'transfer',
  refund_id: 'refund',
  dispute_id: 'dispute',
  amendment_id: 'new terms',
};

export function Timeline({ reader, entries, milestones, currency, settlementCurrency }: TimelineProps) {
  return (
    <ol class="timeline">
      {entries.map((entry) => (
        <li>
          <p class="when">
            <Moment reader={reader} at={entry.at} />
          </p>
          <p>
            {entry.milestone_id === null ? null : (
              <span class="strong">{milestones.get(entry.milestone_id) ?? 'A milestone'}: </span>
            )}
            {sentence(reader, entry, currency, settlementCurrency)}
          </p>
          <Evidence data={entry.data} />
        </li>
      ))}
    </ol>
  );
}

/** A person's doing begins with the name; what a clock or Stripe did has a sentence of its own. */
export function sentence(reader: Reader, entry: TimelineRow, currency: string, settlementCurrency: string): string {
  const { data } = entry;
  const value = (name: string): string => {
    const raw = name === 'settled' ? data['amount'] : data[name];
    if (raw === null || raw === undefined) return name === 'message' ? 'the bank gave no reason' : 'not stated';
    if (name === 'settled') return formatMoney(reader.locale, { amount: Number(raw), currency: settlementCurrency });
    if (name === 'amount' || name === 'seller_amount')
      return formatMoney(reader.locale, { amount: Number(raw), currency });
    if (name === 'until') return formatMoment(reader, Number(raw));
    return String(raw);
  };
  const words = eventWords(entry.type).replaceAll(/\{(\w+)\}/g, (_whole, name: string) => value(name));
  const startsSmall = /^[a-z]/.test(words);
  if (entry.actor.kind === 'person') {
    const name = entry.actor_name ?? 'Somebody';
    return startsSmall ? `${name} ${words}` : `${words} (${name})`;
  }
  const actor = { timer: 'The clock', stripe: 'Stripe', platform: 'Tranche' }[entry.actor.kind] ?? 'Tranche';
  return startsSmall ? `${actor} ${words}` : words;
}

function Evidence({ data }: { data: TimelineRow['data'] }) {
  const proofs = Object.entries(EVIDENCE).filter(([name]) => typeof data[name] === 'string');
  if (proofs.length === 0) return null;
  return (
    <p class="evidence">
      {proofs.map(([name, what]) => (
        <span>
          {what} <CopyableId id={String(data[name])} />
        </span>
      ))}
    </p>
  );
}
