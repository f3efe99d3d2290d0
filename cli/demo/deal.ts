// One escrow of the demo: its people, the calls they make, and waiting for what must come of them.
import { ApiError, type Escrow, type EscrowProposal, type Tranche, type Transfer } from '../../client/index.ts';
import { sandboxControl } from './sandbox.ts';

type MoneyName = keyof Escrow['money'];

export type SellerName = 'seller' | 'seller2' | 'seller3';

export interface Person {
  id: string;
  api: Tranche;
}

export interface Cast {
  buyer: Person;
  sellers: Record<SellerName, Person>;
  ops: Person;
  ops2: Person;
  sandboxUrl: string;
  deadlineMs: number;
}

export interface Proposal extends Partial<Pick<EscrowProposal, 'currency' | 'funding' | 'fee_payer' | 'policy'>> {
  milestones: { title: string; amount: number; seller: SellerName; inspection_period?: string }[];
}

const POLL_MS = 200;

export class Deal {
  readonly kind: string;
  /** False where set-offs, reversals or a chargeback part the transfers from what was released: the identity proves those. */
  transfersAreReleases = true;
  /** Money that this kind leaves held on purpose. */
  mayHold = false;
  /** Called at every step, for the live table. */
  onChange: () => void = () => {};
  step = 'proposing';
  readonly cast: Cast;
  private sellersOf: SellerName[] = [];
  private current: Escrow | undefined;
  private transfers: Transfer[] = [];
  private wantedTransfers: number | undefined;

  constructor(kind: string, cast: Cast) {
    this.kind = kind;
    this.cast = cast;
  }

  get escrow(): Escrow {
    if (this.current === undefined) throw new Error('the escrow was not proposed yet');
    return this.current;
  }

  get seen(): Escrow | undefined {
    return this.current;
  }

  // ---- what people do -----------------------------------------------------------------------------------------

  async propose(proposal: Proposal): Promise<void> {
    const { buyer, sellers } = this.cast;
    this.sellersOf = proposal.milestones.map((m) => m.seller);
    const { milestones, ...rest } = proposal;
    const escrow = await buyer.api.proposeEscrow({
      body: {
        title: `Demo: ${this.kind}`,
        currency: 'usd',
        funding: 'upfront',
        ...rest,
        milestones: milestones.map(({ seller, ...m }, index) => ({
          ...m,
          title: `${m.title} ${index + 1}`,
          seller_id: sellers[seller].id,
        })),
        metadata: { demo: this.kind },
      },
    });
    this.saw(escrow, 'proposed');
  }

  /** Every seller signs the hash that the buyer proposed. */
  async agree(): Promise<void> {
    for (const name of new Set(this.sellersOf)) {
      const { api } = this.cast.sellers[name];
      this.saw(await api.agreeToEscrow({ ...this.at, body: { terms_hash: this.escrow.terms_hash } }), 'agreed');
    }
  }

  async agreed(proposal: Proposal): Promise<void> {
    await this.propose(proposal);
    await this.agree();
  }

  /** Pays what is due, and waits until the money is there. */
  async fund(paymentMethod = 'pm_card_visa', wait = true): Promise<void> {
    const answer = await this.buyer.fundEscrow({ ...this.at, body: { payment_method: paymentMethod } });
    this.saw(answer.escrow, 'funding');
    if (wait) await this.until('active');
  }

  /** The buyer's bank says yes: the sandbox plays it. */
  async authenticate(): Promise<void> {
    const id = await this.stripeIdOf('stripe_payment_intent_id');
    await sandboxControl(this.cast.sandboxUrl, `payment_intents/${id}`, { authenticate: true });
    this.note('authenticated');
  }

  async deliver(index: number): Promise<void> {
    this.saw(await this.sellerOf(index).startMilestone(this.milestoneAt(index)), 'start');
    await this.submit(index);
  }
  async submit(index: number): Promise<void> {
    const body = { note: 'Here it is.' };
    this.saw(await this.sellerOf(index).submitMilestone({ ...this.milestoneAt(index), body }), 'submit');
  }
  async accept(index: number, amount?: number): Promise<void> {
    this.saw(await this.buyer.acceptMilestone({ ...this.milestoneAt(index), body: { amount } }), 'accept');
  }
  async requestChanges(index: number, note: string): Promise<void> {
    this.saw(await this.buyer.requestChanges({ ...this.milestoneAt(index), body: { note } }), 'request-changes');
  }
  async refund(index: number, amount?: number): Promise<void> {
    const body = { reason: 'Less is needed.', amount };
    this.saw(await this.buyer.refundMilestone({ ...this.milestoneAt(index), body }), 'refund');
  }
  async cancel(): Promise<void> {
    this.saw(await this.buyer.cancelEscrow({ ...this.at, body: { reason: 'Changed my mind.' } }), 'cancelling');
  }

  /** Runs what must be refused, and answers the refusal. */
  async refused(run: () => Promise<unknown>): Promise<ApiError> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.note(`refused: ${error.code}`);
      return error;
    }
    throw new Error('what had to be refused was done');
  }

  // ---- what must come of it -----------------------------------------------------------------------------------

  until(status: string): Promise<void> {
    return this.poll(`status ${status}`, (escrow) => escrow.status === status);
  }
  untilMilestone(index: number, status: string): Promise<void> {
    return this.poll(`milestone ${index + 1} ${status}`, (escrow) => escrow.milestones[index]?.status === status);
  }
  /** Money counts as refunded from when it is asked; this waits for Stripe's word. */
  untilRefunded(count: number): Promise<void> {
    return this.poll(`${count} refund to succeed`, async () => {
      const { data } = await this.buyer.listRefunds(this.at);
      const failed = data.find((refund) => refund.status === 'failed' || refund.status === 'canceled');
      if (failed !== undefined)
        throw new Error(`refund ${failed.id} is ${failed.status}: ${failed.error?.message ?? ''}`);
      return data.filter((refund) => refund.status === 'succeeded').length === count;
    });
  }

  /** The sandbox's control call, such as what a bank does days later. */
  control(path: string, body: object): Promise<unknown> {
    this.note(path.split('/')[0] ?? path);
    return sandboxControl(this.cast.sandboxUrl, path, body);
  }
  /** Of the last payment. */
  async stripeIdOf(field: 'stripe_payment_intent_id' | 'stripe_charge_id'): Promise<string> {
    const { data } = await this.buyer.listPayments(this.at);
    const id = data.at(-1)?.[field];
    if (!id) throw new Error(`the last payment has no ${field}`);
    return id;
  }
  untilTrue(what: string, right: (escrow: Escrow) => boolean | Promise<boolean>): Promise<void> {
    return this.poll(what, right);
  }
  /** A call beside those above, noted in the live table. */
  async noted<T>(step: string, call: Promise<T>): Promise<T> {
    const answer = await call;
    this.note(step);
    return answer;
  }

  private async poll(what: string, right: (escrow: Escrow) => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + this.cast.deadlineMs;
    for (;;) {
      await this.read();
      if (await right(this.escrow)) return;
      if (Date.now() > deadline) {
        const milestones = this.escrow.milestones.map((m) => m.status).join(', ');
        throw new Error(
          `waited ${this.cast.deadlineMs / 1000} s for ${what}: it is ${this.escrow.status} (${milestones})`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  expect(wanted: Partial<Record<MoneyName, number>>): void {
    for (const [name, amount] of Object.entries(wanted) as [MoneyName, number][]) {
      if (this.escrow.money[name].amount !== amount) {
        throw new Error(`${name} is ${this.escrow.money[name].amount}, not ${amount}`);
      }
    }
  }
  expectTransfers(count: number): void {
    this.wantedTransfers = count;
  }

  /** The proof, read fresh: the identity, and the list of transfers against the money that it says was released. */
  async prove(): Promise<string[]> {
    await this.read();
    this.transfers = [];
    for await (const transfer of this.buyer.each('listTransfers', this.at)) {
      if (transfer.status === 'succeeded') this.transfers.push(transfer);
    }
    const money = this.escrow.money;
    const of = (name: MoneyName): number => money[name].amount;
    const left = of('charged') + of('owed') + of('absorbed');
    const right = of('held') + of('released') + of('refunded') + of('charged_back') + of('fees') + of('tax');
    const sent = this.transfers.reduce((sum, t) => sum + (t.settled ?? t.amount).amount, 0);
    const toSellers = this.escrow.milestones.reduce((sum, m) => sum + m.released.amount, 0);
    const faults: string[] = [];
    if (left !== right) faults.push(`identity: ${left} ≠ ${right}`);
    if (this.transfersAreReleases && sent !== of('released'))
      faults.push(`transfers ${sent} ≠ released ${of('released')}`);
    if (this.transfersAreReleases && toSellers !== of('released'))
      faults.push(`milestones released ${toSellers} ≠ released ${of('released')}`);
    if (!this.mayHold && of('held') !== 0) faults.push(`${of('held')} still held at the end`);
    if (this.wantedTransfers !== undefined && this.transfers.length !== this.wantedTransfers) {
      faults.push(`${this.transfers.length} transfers, not ${this.wantedTransfers}`);
    }
    return faults;
  }

  get transferCount(): number {
    return this.transfers.length;
  }

  // ---- its own ------------------------------------------------------------------------------------------------

  private async read(): Promise<void> {
    this.saw(await this.buyer.getEscrow(this.at));
  }
  private saw(escrow: Escrow, step?: string): void {
    this.current = escrow;
    if (step !== undefined) this.step = step;
    this.onChange();
  }
  private note(step: string): void {
    this.step = step;
    this.onChange();
  }
  private get buyer(): Tranche {
    return this.cast.buyer.api;
  }
  private sellerOf(index: number): Tranche {
    return this.cast.sellers[this.sellersOf[index] ?? 'seller'].api;
  }
  /** What calls about this escrow name. */
  get at(): { id: string } {
    return { id: this.escrow.id };
  }
  milestoneAt(index: number): { id: string; mid: string } {
    const milestone = this.escrow.milestones[index];
    if (milestone === undefined) throw new Error(`there is no milestone ${index + 1}`);
    return { ...this.at, mid: milestone.id };
  }
}
