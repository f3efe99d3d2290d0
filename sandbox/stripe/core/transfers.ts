// Transfers from the platform to connected accounts, and their reversals, each with its mirror on the other account.
import { ensureBooked } from './charges.ts';
import { balanceInsufficient, invalid } from './errors.ts';
import { integer, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { available, availableAndPending, balanceGrew, book } from './ledger.ts';
import { page } from './lists.ts';
import { checkCurrency, format, settlementCurrency } from './money.ts';
import {
  amount,
  bool,
  CREATED,
  currency,
  expand,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
} from './params.ts';
import type { Account, BalanceTransaction, Charge, Transfer, TransferReversal } from './records.ts';
import { defineView, embeddedList } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import { PLATFORM } from './world.ts';
import type { World } from './world.ts';

const SHORT =
  'You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance';

defineView('transfer', (world, record, shown) => {
  const id = text(record.id) ?? '';
  return {
    ...shown,
    reversals: embeddedList(
      world,
      world.store.by('transfer_reversal', 'transfer', id).reverse(),
      `/v1/transfers/${id}/reversals`,
    ),
  };
});

function receiver(world: World, id: string): Account {
  const account = world.store.get('account', id);
  if (!account || account._deauthorized || account._closed || id === world.account) {
    throw invalid(`No such destination: '${id}'`, { code: 'resource_missing', param: 'destination', reading: true });
  }
  // A standard v1 account that asked for no capability receives transfers by its legacy payments.
  const legacy = account.type === 'standard' && account._v2 === null && !account._transfers_requested;
  if (account.id !== PLATFORM && !legacy && account._transfers !== 'active') {
    throw invalid(
      'Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments',
      { code: 'insufficient_capabilities_for_transfer' },
    );
  }
  return account;
}

type Source = { charge: Charge; transaction: BalanceTransaction | undefined };

function sourceOf(world: World, id: string): Source {
  const charge = ensureBooked(world, world.find('charge', id, 'charge', 'source_transaction'));
  if (charge.status === 'failed' || !charge.captured) {
    throw invalid(`The source_transaction ${id} has not succeeded, so it cannot fund a transfer.`, {
      param: 'source_transaction',
    });
  }
  const transaction = charge.balance_transaction
    ? world.store.get('balance_transaction', charge.balance_transaction)
    : undefined;
  return { charge, transaction };
}

/** Σ transfers of a charge may not exceed it, in the currency in which it settled. */
function checkSource(world: World, source: Source, wanted: number, code: string): void {
  const settled = source.transaction?.currency ?? settlementCurrency(source.charge.currency);
  if (code !== settled) {
    throw invalid(
      `The currency of source_transaction's balance transaction (${settled}) must be the same as the transfer currency (${code})`,
      { param: 'currency' },
    );
  }
  if (!source.transaction && source.charge.currency !== settled) {
    // Its amount in the settlement currency is known only when it settles.
    throw invalid(`Charge ${source.charge.id} is pending and will be converted, so it cannot fund a transfer yet.`, {
      param: 'source_transaction',
    });
  }
  const gross = source.transaction?.amount ?? source.charge.amount;
  const used = world.store
    .by('transfer', 'source_transaction', source.charge.id)
    .reduce((sum, t) => sum + t.amount - (world.settings.reversalFreesSource ? t.amount_reversed : 0), 0);
  if (used + wanted <= gross) return;
  const already =
    used === 0 ? '' : ` (There is already a transfer using this source, amounting to ${format(used, settled)}.)`;
  throw invalid(
    `Transfers using this transaction as a source must not exceed the source amount of ${format(gross, settled)}.${already}`,
    { param: 'amount' },
  );
}

export function createTransfer(world: World, params: JsonObject): Transfer {
  const code = text(params.currency) ?? '';
  checkCurrency(code);
  const destination = receiver(world, text(params.destination) ?? '');
  const sourceId = text(params.source_transaction);
  const source = sourceId ? sourceOf(world, sourceId) : null;
  const wanted = integer(params.amount) ?? source?.transaction?.amount;
  if (wanted === undefined) {
    throw invalid('Missing required param: amount.', { code: 'parameter_missing', param: 'amount', reading: true });
  }
  if (source) checkSource(world, source, wanted, code);
  const unsettled = source !== null && source.transaction?.status !== 'available';
  if (!unsettled && available(world, world.account, code) < wanted) throw balanceInsufficient(SHORT);
  const group = groupOf(world, params, source);
  const stem = source ? source.charge._stem : null;
  const id = stem ? world.ids.ofStem('tr', stem) : world.id('tr');
  const availableOn = unsettled ? source.transaction?.available_on : world.now;
  const payment = world.as(destination.id, () => receive(world, id, wanted, code, availableOn));
  const transaction = book(world, {
    type: 'transfer',
    category: 'transfer',
    amount: -wanted,
    currency: code,
    source: id,
    description: text(params.description),
    availableOn,
    stem,
    internal: true,
  });
  const transfer = world.store.put('transfer', {
    id,
    object: 'transfer',
    _account: world.account,
    amount: wanted,
    amount_reversed: 0,
    balance_transaction: transaction.id,
    created: world.now,
    currency: code,
    description: text(params.description),
    destination: destination.id,
    destination_payment: payment,
    livemode: false,
    metadata: mergeMetadata({}, params.metadata),
    reversed: false,
    source_transaction: source?.charge.id ?? null,
    source_type: text(params.source_type) ?? 'card',
    transfer_group: group,
  });
  world.emit('transfer.created', transfer);
  return transfer;
}

/** A destination charge (`transfer_data`): the transfer follows the payment by itself, in the settlement currency. */
export function destinationTransfer(world: World, charge: Charge, data: JsonObject): void {
  const settled = charge.balance_transaction
    ? world.store.get('balance_transaction', charge.balance_transaction)
    : undefined;
  if (!settled) return;
  const asked = integer(data.amount);
  const share = asked === null ? settled.amount : Math.round((asked * settled.amount) / charge.amount);
  const transfer = createTransfer(world, {
    amount: share,
    currency: settled.currency,
    destination: data.destination,
    source_transaction: charge.id,
  });
  world.store.patch('charge', charge.id, {
    transfer_data: { amount: asked, destination: transfer.destination },
    _transfer: transfer.id,
  });
}

/** A transfer takes its source's group; a source without one is given the group of its payment. */
function groupOf(world: World, params: JsonObject, source: Source | null): string | null {
  const given = text(params.transfer_group);
  if (given !== null || !source) return given;
  const { charge } = source;
  if (charge.transfer_group !== null) return charge.transfer_group;
  const group = `group_${charge.payment_intent ?? charge.id}`;
  world.store.patch('charge', charge.id, { transfer_group: group });
  if (charge.payment_intent) world.store.patch('payment_intent', charge.payment_intent, { transfer_group: group });
  return group;
}

/** The other side: a payment (py_) on the destination account. */
function receive(
  world: World,
  transfer: string,
  wanted: number,
  code: string,
  availableOn: number | undefined,
): string {
  const id = world.id('py');
  const transaction = book(world, {
    type: 'payment',
    category: 'charge',
    amount: wanted,
    currency: code,
    source: id,
    availableOn,
    internal: true,
  });
  balanceGrew(world, world.account, code);
  world.store.put('charge', {
    id,
    object: 'charge',
    _account: world.account,
    amount: wanted,
    amount_captured: wanted,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: transaction.id,
    billing_details: {
      address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: null,
    captured: true,
    created: world.now,
    currency: code,
    customer: null,
    description: null,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: {},
    on_behalf_of: null,
    outcome: null,
    paid: true,
    payment_intent: null,
    payment_method: null,
    payment_method_details: { stripe_account: {}, type: 'stripe_account' },
    radar_options: {},
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: transfer,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
    _stem: world.ids.stem(world.now, world.account),
    _behaviour: 'transfer',
  });
  return id;
}

export function reverseTransfer(world: World, transfer: Transfer, params: JsonObject): TransferReversal {
  const left = transfer.amount - transfer.amount_reversed;
  if (left === 0) throw invalid(`The transfer ${transfer.id} is already fully reversed.`);
  const wanted = integer(params.amount) ?? left;
  if (wanted > left) {
    throw invalid(
      `Reversal amount (${format(wanted, transfer.currency)}) is greater than unreversed amount on transfer (${format(left, transfer.currency)})`,
      { param: 'amount' },
    );
  }
  const sent = world.store.get('balance_transaction', transfer.balance_transaction);
  const unsettled = sent?.status === 'pending';
  const funds = unsettled
    ? availableAndPending(world, transfer.destination, transfer.currency)
    : available(world, transfer.destination, transfer.currency);
  if (funds < wanted) {
    throw balanceInsufficient(
      `Insufficient funds in Stripe account. The connected account ${transfer.destination} does not have enough funds to reverse ${format(wanted, transfer.currency)}.`,
    );
  }
  const availableOn = unsettled ? sent.available_on : world.now;
  const refund = world.as(transfer.destination, () => giveBack(world, transfer, wanted, availableOn));
  const transaction = book(world, {
    type: 'transfer_refund',
    category: 'transfer_reversal',
    amount: wanted,
    currency: transfer.currency,
    source: transfer.id,
    description: 'REFUND FOR TRANSFER',
    availableOn,
    internal: true,
  });
  balanceGrew(world, world.account, transfer.currency);
  const reversal = world.store.put('transfer_reversal', {
    id: world.id('trr'),
    object: 'transfer_reversal',
    _account: world.account,
    amount: wanted,
    balance_transaction: transaction.id,
    created: world.now,
    currency: transfer.currency,
    destination_payment_refund: refund,
    metadata: mergeMetadata({}, params.metadata),
    source_refund: null,
    transfer: transfer.id,
  });
  world.store.patch('refund', refund, {
    source_transfer_reversal: reversal.id,
    transfer_reversal: reversal.id,
  });
  const after = world.store.patch('transfer', transfer.id, {
    amount_reversed: transfer.amount_reversed + wanted,
    reversed: transfer.amount_reversed + wanted === transfer.amount,
  });
  world.emit('transfer.reversed', after, { amount_reversed: transfer.amount_reversed, reversed: transfer.reversed });
  world.emit('transfer.updated', after, { amount_reversed: transfer.amount_reversed });
  return reversal;
}

/** The reversal's other side: a refund (pyr_) of the destination payment. */
function giveBack(world: World, transfer: Transfer, wanted: number, availableOn: number): string {
  const id = world.id('pyr');
  const transaction = book(world, {
    type: 'payment_refund',
    category: 'refund',
    amount: -wanted,
    currency: transfer.currency,
    source: id,
    description: 'REFUND FOR PAYMENT',
    availableOn,
    internal: true,
  });
  const payment = world.store.get('charge', transfer.destination_payment);
  if (payment) {
    world.store.patch('charge', payment.id, {
      amount_refunded: payment.amount_refunded + wanted,
      refunded: payment.amount_refunded + wanted === payment.amount,
    });
  }
  world.store.put('refund', {
    id,
    object: 'refund',
    _account: world.account,
    amount: wanted,
    balance_transaction: transaction.id,
    charge: transfer.destination_payment,
    created: world.now,
    currency: transfer.currency,
    customer: null,
    customer_account: null,
    metadata: {},
    payment_intent: null,
    payment_method: null,
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  });
  return id;
}

/** `reverse_transfer` of a refund: pro rata of the destination charge's transfer, rounded to nearest. */
export function reverseForRefund(world: World, charge: Charge, refunded: number): string {
  const transfer = world.store.by('transfer', 'source_transaction', charge.id)[0];
  if (!transfer) {
    throw invalid(`Charge ${charge.id} does not have an associated transfer to reverse.`, {
      param: 'reverse_transfer',
    });
  }
  const share = Math.min(
    Math.round((refunded * transfer.amount) / charge.amount),
    transfer.amount - transfer.amount_reversed,
  );
  return reverseTransfer(world, transfer, { amount: share }).id;
}

const findReversal = (world: World, transfer: string, id: string): TransferReversal => {
  const reversal = world.find('transfer_reversal', id, 'transfer reversal');
  if (reversal.transfer !== transfer) throw invalid(`No such transfer reversal: '${id}'`, { code: 'resource_missing' });
  return reversal;
};

export const transferRoutes: Route[] = [
  post(
    '/v1/transfers',
    {
      amount: amount(),
      currency: currency(required),
      destination: str(required),
      description: str(),
      expand,
      metadata,
      source_transaction: str(),
      source_type: oneOf(['bank_account', 'card', 'fpx']),
      transfer_group: str(),
    },
    ({ world, params }) => createTransfer(world, params),
  ),
  get('/v1/transfers', { ...LIST, ...CREATED, destination: str(), transfer_group: str() }, ({ world, params }) =>
    page(world, {
      table: 'transfer',
      url: '/v1/transfers',
      params,
      where: { transfer_group: params.transfer_group, destination: params.destination },
    }),
  ),
  get('/v1/transfers/:id', NONE, ({ world, path }) => world.find('transfer', path('id'), 'transfer')),
  post('/v1/transfers/:id', { description: str({ unset: true }), metadata, expand }, ({ world, path, params }) => {
    const transfer = world.find('transfer', path('id'), 'transfer');
    const after = world.store.patch('transfer', transfer.id, {
      metadata: mergeMetadata(transfer.metadata, params.metadata),
      ...(params.description === undefined ? {} : { description: params.description }),
    });
    world.emitUpdate('transfer.updated', transfer, after);
    return after;
  }),
  post(
    '/v1/transfers/:id/reversals',
    { amount: amount(), description: str(), metadata, refund_application_fee: bool(), expand },
    ({ world, path, params }) => reverseTransfer(world, world.find('transfer', path('id'), 'transfer'), params),
  ),
  get('/v1/transfers/:id/reversals', LIST, ({ world, path, params }) =>
    page(world, {
      table: 'transfer_reversal',
      url: `/v1/transfers/${path('id')}/reversals`,
      params,
      where: { transfer: world.find('transfer', path('id'), 'transfer').id },
    }),
  ),
  get('/v1/transfers/:id/reversals/:reversal', NONE, ({ world, path }) =>
    findReversal(world, path('id'), path('reversal')),
  ),
  post('/v1/transfers/:id/reversals/:reversal', { metadata, expand }, ({ world, path, params }) => {
    const reversal = findReversal(world, path('id'), path('reversal'));
    return world.store.patch('transfer_reversal', reversal.id, {
      metadata: mergeMetadata(reversal.metadata, params.metadata),
    });
  }),
];
