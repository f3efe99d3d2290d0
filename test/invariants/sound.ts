// A small sound installation, built through `ledger_post` and the tables' own constraints: one escrow of two milestones,
// one released, one held; a float; a finished event and a finished command.
import type { Sql, Tx } from '../../db/client.ts';
import { post } from '../../db/ledger.ts';
import { openCharge, recordBalanceTransaction, useCharge } from '../../db/movements.ts';
import {
  type BalanceTransaction,
  chargeAllocated,
  chargeCaptured,
  matured,
  partAccepted,
  toppedUp,
  transferCreated,
} from '../../domain/postings.ts';

export const ESCROW = 'esc_1';

export function bt(id: string, type: string, amountMinor: bigint, feeMinor = 0n, currency = 'usd'): BalanceTransaction {
  return {
    id,
    type,
    amountMinor,
    feeMinor,
    netMinor: amountMinor - feeMinor,
    currency,
    status: 'available',
    availableOn: Date.now() - 1000,
    createdAt: Date.now() - 1000,
    sourceId: `src_${id}`,
  };
}

/** What Stripe would say of the sound installation. */
export const stripeTransactions = (): BalanceTransaction[] => [
  bt('txn_topup', 'topup', 50_000n),
  bt('txn_charge', 'charge', 30_000n, 900n),
  bt('txn_transfer', 'transfer', -9_000n),
];

export async function buildSound(sql: Sql): Promise<void> {
  await sql.begin(async (raw) => {
    const tx = raw as Tx;
    const [topup, charge, transfer] = stripeTransactions() as [
      BalanceTransaction,
      BalanceTransaction,
      BalanceTransaction,
    ];
    await tx`INSERT INTO people (id, email, name, role) VALUES ('usr_b', 'b@example.com', 'B', 'buyer'), ('usr_s', 's@example.com', 'S', 'seller')`;
    await tx`
      INSERT INTO escrows (id, buyer_id, title, currency, settlement_currency, status, terms_version, terms_hash, revision, state, created_at)
      VALUES (${ESCROW}, 'usr_b', 'Two rooms', 'usd', 'usd', 'active', 1, 'hash', 7, '{}', now())`;
    await tx`
      INSERT INTO milestones (id, escrow_id, position, seller_id, status, amount, revision, state) VALUES
      ('ms_1', ${ESCROW}, 0, 'usr_s', 'released', 10000, 6, ${tx.json({ releases: [{ part: 1, payable: 9000, status: 'released' }] })}),
      ('ms_2', ${ESCROW}, 1, 'usr_s', 'started', 20000, 7, ${tx.json({ releases: [] })})`;
    await tx`
      INSERT INTO movements (id, kind, escrow_id, amount, currency, settled_amount, settlement_currency, status, stripe_id, stripe_charge_id, balance_transaction_id)
      VALUES ('pay_1', 'payment', ${ESCROW}, 30000, 'usd', 30000, 'usd', 'succeeded', 'pi_1', 'ch_1', 'txn_charge')`;
    await tx`
      INSERT INTO movements (id, kind, escrow_id, milestone_id, seller_id, part, amount, currency, settled_amount, settlement_currency, status, payment_id, stripe_id, stripe_charge_id, balance_transaction_id)
      VALUES ('trf_1', 'transfer', ${ESCROW}, 'ms_1', 'usr_s', 1, 9000, 'usd', 9000, 'usd', 'succeeded', 'pay_1', 'tr_1', 'ch_1', 'txn_transfer')`;
    for (const transaction of [topup, charge, transfer]) await recordBalanceTransaction(tx, transaction);
    await openCharge(tx, {
      chargeId: 'ch_1',
      paymentId: 'pay_1',
      escrowId: ESCROW,
      currency: 'usd',
      capturedMinor: 30_000n,
    });
    await useCharge(tx, 'ch_1', { transferred: 9_000n });

    const one = { currency: 'usd', escrowId: ESCROW };
    await post(tx, {
      key: 'topup',
      kind: 'topup',
      currency: 'usd',
      legs: toppedUp(topup),
      balanceTransactionId: topup.id,
    });
    await post(tx, {
      ...one,
      key: 'charge',
      kind: 'charge_captured',
      legs: chargeCaptured('pay_1', charge),
      balanceTransactionId: charge.id,
    });
    await post(tx, {
      ...one,
      key: 'allocate',
      kind: 'charge_allocated',
      legs: chargeAllocated('pay_1', [
        { milestoneId: 'ms_1', sellerId: 'usr_s', principalMinor: 10_000n, buyerFeeMinor: 0n },
        { milestoneId: 'ms_2', sellerId: 'usr_s', principalMinor: 20_000n, buyerFeeMinor: 0n },
      ]),
    });
    await post(tx, {
      ...one,
      key: 'accept',
      kind: 'part_accepted',
      legs: partAccepted({
        milestoneId: 'ms_1',
        sellerId: 'usr_s',
        principalMinor: 10_000n,
        sellerFeeMinor: 1_000n,
        buyerFeeMinor: 0n,
      }),
    });
    await post(tx, {
      ...one,
      key: 'transfer',
      kind: 'transfer',
      legs: transferCreated('ms_1', 'usr_s', transfer),
      balanceTransactionId: transfer.id,
    });
    // Moves between two accounts at Stripe, so that no sum of them changes.
    await post(tx, {
      key: 'matured',
      kind: 'matured',
      currency: 'usd',
      legs: matured(100n),
      balanceTransactionId: charge.id,
    });

    await tx`INSERT INTO stripe_events (id, type, livemode, body, state, done_at) VALUES ('evt_1', 'payment_intent.succeeded', false, '{}', 'done', now())`;
    await tx`
      INSERT INTO idempotency_keys (owner_id, key, route, body_hash, update_id, locked_until, status, response)
      VALUES ('key_1', 'k1', 'POST /v1/escrows', 'h', 'u1', now(), 201, '{}')`;
  });
}
