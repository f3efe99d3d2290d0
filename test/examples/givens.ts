// Brings things into the state in which an example is sent, over the running product; `Givens` names each once.
import { randomUUID } from 'node:crypto';
import { THINGS, type Given, type Thing } from '../../api/examples.ts';
import { openDebt } from '../../db/debts.ts';
import { post } from '../../db/ledger.ts';
import { legs } from '../../domain/postings.ts';
import { personalOf } from '../authorization/things.ts';
import { openDispute } from '../chargebacks/acts.ts';
import { disputes, step } from '../disputes/steps.ts';
import { dashboard, only, reconcile } from '../reconciliation/runs.ts';
import { type castOf, type EscrowObject, fundedEscrow, proposal, untilEscrow, untilStatus } from '../stack/api.ts';
import { backdatePayment, paidByDebit } from '../stack/backdate.ts';
import { control, type World } from '../stack/world.ts';
import { actPath, refundsOf } from '../workflows/steps.ts';

/** The ids of real things, by what they are. */
export type Real = Partial<Record<Thing, string>>;
type Cast = ReturnType<typeof castOf>;

const MILESTONES = 20;

export function givens(world: World, cast: Cast): (given: Given) => Promise<Real> {
  const { buyer, seller, ops, ops2 } = cast;
  const people: Real = { seller: seller.person.id, buyer: buyer.person.id };
  const once = <T>(make: () => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => (made ??= make());
  };
  const escrowOf = (e: EscrowObject): Real => ({ escrow: e.id, milestone: e.milestones[0]!.id, termsHash: e.terms_hash });

  const large = once(() => fundedEscrow(buyer, [seller], proposal(seller.person.id, Array<number>(MILESTONES).fill(10_000)))); // prettier-ignore
  let next = 0;
  const milestone = async () => {
    const escrow = await large();
    const index = next++;
    const { id } = escrow.milestones[index]!;
    return { escrow, index, id, real: { escrow: escrow.id, milestone: id } satisfies Real };
  };
  const delivered = async () => {
    const m = await milestone();
    await seller.act(m.escrow.id, m.id, 'submit');
    return m;
  };
  const disputed = async () => {
    const { escrow, index, real } = await delivered();
    const dispute = await disputes(buyer, escrow, index);
    return { dispute, real: { ...real, dispute: dispute.id } satisfies Real };
  };
  const offered = async () => {
    const { dispute, real } = await disputed();
    await step(seller, dispute, 'offer', { seller_amount: 8000 });
    return { dispute, real };
  };
  const own = (amounts = [10_000], more: object = {}) => fundedEscrow(buyer, [seller], proposal(seller.person.id, amounts, more)); // prettier-ignore
  const paid = once(async () => escrowOf(await own()));
  const charged = async () => {
    const escrow = await own();
    const { id } = await openDispute(world, buyer, escrow);
    await untilEscrow(buyer, escrow.id, (e) => e.frozen.includes('card_dispute'));
    return { dispute: id } satisfies Real;
  };
  const list = async <T>(api: typeof buyer, path: string): Promise<T> => {
    const { body } = await api.get<{ data: T[] }>(path);
    if (body.data[0] === undefined) throw new Error(`${path} lists nothing`);
    return body.data[0];
  };
  const firstId = async (api: typeof buyer, path: string): Promise<string> => (await list<{ id: string }>(api, path)).id;
  const sellersOfApprovals = [cast.seller2, cast.seller3, cast.seller];
  const reconciled = once(async (): Promise<Real> => {
    await dashboard(world).topups.create({ amount: 9000, currency: 'usd', description: 'by hand' });
    const { run, found } = await reconcile(ops);
    return { reconciliation: run.id, difference: String(only(found, 'top_up_not_posted').n) };
  });

  const states: Readonly<Record<Given, () => Promise<Real>>> = {
    nothing: async () => ({}),
    'a proposed escrow': async () => escrowOf(await buyer.propose(proposal(seller.person.id, [10_000]))),
    'an agreed escrow': async () => {
      const { id } = await buyer.propose(proposal(seller.person.id, [10_000]));
      return escrowOf(await seller.agree(id));
    },
    'a paid escrow': paid,
    'a frozen escrow': async () => escrowOf(await ops.freeze((await own()).id)),
    'a paid milestone': async () => (await milestone()).real,
    'a delivered milestone': async () => (await delivered()).real,
    'money that was held for almost too long': async () => {
      const escrow = await own();
      await world.sql`UPDATE movements SET created_at = now() - interval '701 days' WHERE escrow_id = ${escrow.id} AND kind = 'payment'`; // prettier-ignore
      return escrowOf(escrow);
    },
    'a payment that Stripe cannot refund any more': async () => {
      const escrow = await paidByDebit(world, cast, [10_000]);
      await backdatePayment(world, escrow.id, 181);
      return escrowOf(escrow);
    },
    'an amendment': async () => {
      const { id, milestones } = await own();
      const { body } = await buyer.post<{ amendment: { id: string } }>(`/v1/escrows/${id}/amendments`, { milestones: [{ id: milestones[0]!.id, amount: 8000 }] }); // prettier-ignore
      return { escrow: id, amendment: body.amendment.id };
    },
    'a file': once(async () => {
      const { escrow } = await paid();
      return { escrow: escrow!, file: await uploaded(world, escrow!) };
    }),
    'a dispute': async () => (await disputed()).real,
    'a dispute with an offer': async () => (await offered()).real,
    'a dispute before ops': async () => {
      const { dispute, real } = await offered();
      await step(buyer, dispute, 'escalate');
      return real;
    },
    'a chargeback': charged,
    'a chargeback with evidence': async () => {
      const real = await charged();
      const staged = await seller.post(`/v1/disputes/${real.dispute}/evidence`, { text: 'Delivered on 3 March.' });
      if (staged.status !== 200) throw new Error(JSON.stringify(staged.body));
      return real;
    },
    'a notification': async () => {
      await paid();
      return { notification: await firstId(buyer, '/v1/notifications?unread=true') };
    },
    'an approval that waits': async () => {
      const { person } = sellersOfApprovals.shift()!;
      const asked = await ops2.post<{ approval: { id: string } }>(`/v1/sellers/${person.id}/payout-schedule`, { interval: 'daily' }); // prettier-ignore
      return { approval: asked.body.approval.id };
    },
    // Of a seller who is paid nothing meanwhile: the next release would net it.
    'a debt': async () => {
      const { person } = cast.seller2;
      const { id, milestones } = await fundedEscrow(buyer, [cast.seller2], proposal(person.id, [10_000]));
      return { debt: await debtOf(world, id, milestones[0]!.id, person.id) };
    },
    'an alert': async () => {
      const [alert] = await world.sql<{ id: bigint }[]>`
        INSERT INTO alerts (kind, dedupe_key, detail) VALUES ('refund_failed', ${randomUUID()}, '{"code": "expired_or_canceled_card"}') RETURNING id`;
      return { alert: String(alert!.id) };
    },
    'an event of Stripe': async () => {
      await paid();
      return { stripeEvent: await firstId(ops, '/v1/ops/events?state=done') };
    },
    'a refund that came back': async () => {
      const escrow = await own([10_000], { fee_payer: 'buyer', policy: { fee_return: 'full' } });
      await buyer.post(actPath(escrow, 0, 'refund'), { reason: 'not needed' });
      await untilStatus(buyer, escrow.id, 'completed');
      const [refund] = await refundsOf(ops, escrow.id);
      await control(world.sandbox.url, `refunds/${refund!.stripe_refund_id}`, { fail: 'expired_or_canceled_card' });
      return { failedRefund: await untilCameBack(cast, escrow.id) };
    },
    'an event': async () => {
      await large();
      return { event: await firstId(buyer, '/v1/events?type=escrow.proposed') };
    },
    'an endpoint with a delivery': async () => {
      await states['an event']();
      const { endpoint, delivery } = await personalOf(world, seller.person.id);
      return { endpoint, delivery };
    },
    'an API key': async () => ({ apiKey: (await personalOf(world, buyer.person.id)).key }),
    'a reconciliation': reconciled,
  };
  return async (given) => ({ ...people, ...(await states[given]()) });
} // prettier-ignore

async function uploaded(world: World, escrowId: string): Promise<string> {
  const form = new FormData();
  form.set('escrow_id', escrowId);
  form.set('file', new File(['delivered\n'], 'work.txt', { type: 'text/plain' }));
  const headers = { authorization: `Bearer ${world.people.seller.apiKey}`, 'idempotency-key': randomUUID() };
  const answer = await fetch(`${world.url}/v1/files`, { method: 'POST', headers, body: form });
  return ((await answer.json()) as { id: string }).id;
}

async function untilCameBack(cast: Cast, escrowId: string): Promise<string> {
  const end = Date.now() + 120_000;
  for (;;) {
    const { body } = await cast.ops.get<{ data: { id: string; escrow_id: string }[] }>('/v1/ops/failed-refunds?limit=100');
    const found = body.data.find((f) => f.escrow_id === escrowId);
    if (found !== undefined) return found.id;
    if (Date.now() > end) throw new Error(`the refund of ${escrowId} did not come back`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
} // prettier-ignore

/** The text of an example with real ids in the place of its own. @throws Error for a thing that nothing was given of */
export function withReal(text: string, real: Real): string {
  return Object.entries(THINGS).reduce((filled, [thing, id]) => {
    // Numbers alone might mean something else: only whole segments are ids.
    const found = /^\d+$/.test(id) ? new RegExp(`(?<=/)${id}(?=/|$)`, 'g') : id;
    if (!(typeof found === 'string' ? filled.includes(found) : found.test(filled))) return filled;
    const mine = real[thing as Thing];
    if (mine === undefined) throw new Error(`nothing gives the ${thing} of ${text}`);
    return filled.replaceAll(found, mine);
  }, text);
}

/** As a lost chargeback leaves one. */
function debtOf(world: World, escrowId: string, milestoneId: string, sellerId: string): Promise<string> {
  const amountMinor = 9000n;
  return world.sql.begin(async (tx) => {
    await post(tx, {
      key: `example_debt:${milestoneId}`,
      kind: 'dispute_lost',
      currency: 'usd',
      escrowId,
      legs: legs(
        { account: `seller:${sellerId}:receivable`, amountMinor, milestoneId, sellerId },
        { account: 'dispute_loss', amountMinor: -amountMinor, milestoneId },
      ),
    });
    const debt = await openDebt(tx, { sellerId, escrowId, milestoneId, currency: 'usd', amountMinor, cause: { example: '1' }, dedupeKey: randomUUID() }); // prettier-ignore
    return debt.id;
  });
}
