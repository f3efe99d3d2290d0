// One escrow of the demo: its people, the calls they make, and waiting for what must come of them.
import type { ApiClient, EscrowView, MilestoneView, MoneyName, MovementView, PaymentAnswer } from './client.ts';
import { ApiError, MONEY_NAMES, sandboxControl } from './client.ts';

export type SellerName = 'seller' | 'seller2' | 'seller3';

export interface Person {
  id: string;
  api: ApiClient;
}

export interface Cast {
  buyer: Person;
  sellers: Record<SellerName, Person>;
  ops: Person;
  ops2: Person;
  sandboxUrl: string;
  deadlineMs: number;
}

export interface Proposal {
  currency?: string;
  funding?: 'upfront' | 'per_milestone';
  fee_payer?: 'seller' | 'buyer' | 'shared';
  policy?: Record<string, unknown>;
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
  private current: EscrowView | undefined;
  private transfers: MovementView[] = [];
  private wantedTransfers: number | undefined;

  constructor(kind: string, cast: Cast) {
    this.kind = kind;
    this.cast = cast;
  }

  get escrow(): EscrowView {
    if (this.current === undefined) throw new Error('the escrow was not proposed yet');
    return this.current;
  }

  get seen(): EscrowView | undefined {
    return this.current;
  }

  // ---- what people do -----------------------------------------------------------------------------------------

  async propose(proposal: Proposal): Promise<void> {
    const { buyer, sellers } = this.cast;
    this.sellersOf = proposal.milestones.map((m) => m.seller);
    const { milestones, ...rest } = proposal;
    const escrow = await buyer.api.post<EscrowView>('/v1/escrows', {
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
    });
    this.saw(escrow, 'proposed');
  }

  /** Every seller signs the hash that the buyer proposed. */
  async agree(): Promise<void> {
    for (const name of new Set(this.sellersOf)) {
      const { api } = this.cast.sellers[name];
      this.saw(await api.post<EscrowView>(this.path('agree'), { terms_hash: this.escrow.terms_hash }), 'agreed');
    }
  }

  async agreed(proposal: Proposal): Promise<void> {
    await this.propose(proposal);
    await this.agree();
  }

  /** Pays what is due, and waits until the money is there. */
  async fund(paymentMethod = 'pm_card_visa', wait = true): Promise<void> {
    const answer = await this.cast.buyer.api.post<PaymentAnswer>(this.path('fund'), { payment_method: paymentMethod });
    this.saw(answer.escrow, 'funding');
    if (wait) await this.until('active');
  }

  /** The buyer's bank says yes: the sandbox plays it. */
  async authenticate(): Promise<void> {
    const { data } = await this.cast.buyer.api.get<{ data: { stripe_payment_intent_id: string | null }[] }>(
      this.path('payments'),
    );
    const id = data.at(-1)?.stripe_payment_intent_id;
    if (id === null || id === undefined) throw new Error('the payment has no PaymentIntent to authenticate');
    await sandboxControl(this.cast.sandboxUrl, `payment_intents/${id}`, { authenticate: true });
    this.note('authenticated');
  }

  async deliver(index: number): Promise<void> {
    await this.seller(index, 'start', {});
    await this.submit(index);
  }
  submit(index: number): Promise<void> {
    return this.seller(index, 'submit', { note: 'Here it is.' });
  }
  accept(index: number, amount?: number): Promise<void> {
    return this.buyer(index, 'accept', amount === undefined ? {} : { amount });
  }
  requestChanges(index: number, note: string): Promise<void> {
    return this.buyer(index, 'request-changes', { note });
  }
  refund(index: number, amount?: number): Promise<void> {
    return this.buyer(index, 'refund', { reason: 'Less is needed.', ...(amount === undefined ? {} : { amount }) });
  }
  async cancel(): Promise<void> {
    this.saw(
      await this.cast.buyer.api.post<EscrowView>(this.path('cancel'), { reason: 'Changed my mind.' }),
      'cancelling',
    );
  }

  private async buyer(index: number, action: string, body: object): Promise<void> {
    this.saw(await this.cast.buyer.api.post<EscrowView>(this.milestonePath(index, action), body), action);
  }
  private async seller(index: number, action: string, body: object): Promise<void> {
    const { api } = this.cast.sellers[this.sellersOf[index] ?? 'seller'];
    this.saw(await api.post<EscrowView>(this.milestonePath(index, action), body), action);
  }

  /** Runs what must be refused, and answers the refusal. */
  async refused(run: () => Promise<void>): Promise<ApiError> {
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
      const { data } = await this.cast.buyer.api.get<{ data: MovementView[] }>(this.path('refunds'));
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
  async stripeIdOf(list: 'payments' | 'transfers', field: string): Promise<string> {
    const { data } = await this.cast.buyer.api.get<{ data: Record<string, string | null>[] }>(this.path(list));
    const id = data.at(-1)?.[field];
    if (!id) throw new Error(`the last of ${list} has no ${field}`);
    return id;
  }
  untilTrue(what: string, right: (escrow: EscrowView) => boolean | Promise<boolean>): Promise<void> {
    return this.poll(what, right);
  }
  async as<T>(person: Person, path: string, body: object = {}): Promise<T> {
    const answer = await person.api.post<T>(path, body);
    this.note(path.split('/').at(-1) ?? path);
    return answer;
  }

  private async poll(what: string, right: (escrow: EscrowView) => boolean | Promise<boolean>): Promise<void> {
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
    for (const name of MONEY_NAMES) {
      const amount = wanted[name];
      if (amount !== undefined && this.escrow.money[name].amount !== amount) {
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
    const { data } = await this.cast.buyer.api.get<{ data: MovementView[] }>(`${this.path('transfers')}?limit=100`);
    this.transfers = data.filter((t) => t.status === 'succeeded');
    const money = this.escrow.money;
    const of = (name: MoneyName): number => money[name].amount;
    const left = of('charged') + of('owed') + of('absorbed');
    const right = of('held') + of('released') + of('refunded') + of('charged_back') + of('fees') + of('tax');
    const sent = this.transfers.reduce((sum, t) => sum + (t.settled ?? t.amount).amount, 0);
    const toSellers = this.escrow.milestones.reduce((sum, m: MilestoneView) => sum + m.released.amount, 0);
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
    this.saw(await this.cast.buyer.api.get<EscrowView>(`/v1/escrows/${this.escrow.id}`));
  }
  private saw(escrow: EscrowView, step?: string): void {
    this.current = escrow;
    if (step !== undefined) this.step = step;
    this.onChange();
  }
  private note(step: string): void {
    this.step = step;
    this.onChange();
  }
  path(action: string): string {
    return `/v1/escrows/${this.escrow.id}/${action}`;
  }
  milestonePath(index: number, action: string): string {
    const milestone = this.escrow.milestones[index];
    if (milestone === undefined) throw new Error(`there is no milestone ${index + 1}`);
    return this.path(`milestones/${milestone.id}/${action}`);
  }
}
