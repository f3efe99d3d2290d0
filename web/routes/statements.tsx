// /statements: what happened to a person's money in a period, on a page and as CSV; /escrows/<id>/receipts/<payment>: a receipt.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { buyerStatement, type Period, receiptRows, sellerStatement } from '../../db/statements.ts';
import { csv } from '../csv.ts';
import { decimalOf, endOfDay } from '../format.ts';
import { escrowOf, html, type PageCall, signedIn } from '../page.ts';
import { BuyerStatement, ReceiptPage, SellerStatement } from '../pages/statements.tsx';
import { STATEMENT_WORDS } from '../money-words.ts';

const PARTIES = ['buyer', 'seller'] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function statementRoutes(context: AppContext): Router {
  const router = Router();
  router.get('/statements', signedIn(context, PARTIES, page));
  router.get('/statements.csv', signedIn(context, PARTIES, download));
  router.get('/escrows/:id/receipts/:payment', signedIn(context, null, receipt));
  return router;
}

export interface Chosen extends Period {
  /** As in the form: days of the reader's zone, both included. */
  first: string;
  last: string;
}

/** The period of the address; the present month where it names none. */
function chosen({ request, reader }: PageCall): Chosen {
  const day = (at: number) => new Intl.DateTimeFormat('en-CA', { timeZone: reader.timeZone }).format(at);
  const asked = (name: string, otherwise: string): string => {
    const value = request.query[name];
    return typeof value === 'string' && DAY.test(value) && endOfDay(value, reader.timeZone) !== null ? value : otherwise;
  };
  const today = day(reader.now);
  const first = asked('from', `${today.slice(0, 8)}01`);
  const last = asked('to', today);
  const end = (text: string) => Date.parse(endOfDay(text, reader.timeZone)!) + 1000;
  const before = new Date(Date.parse(`${first}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  return { first, last, from: new Date(end(before)), to: new Date(end(last)) };
} // prettier-ignore

async function page(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const period = chosen(call);
  if (viewer.role === 'seller') {
    const lines = await sellerStatement(context.sql, viewer.id, period);
    html(response, <SellerStatement reader={reader} period={period} lines={lines} />);
  } else {
    const lines = await buyerStatement(context.sql, viewer.id, period);
    html(response, <BuyerStatement reader={reader} period={period} lines={lines} />);
  }
}

async function download(call: PageCall): Promise<void> {
  const { context, viewer, response } = call;
  const period = chosen(call);
  const seller = viewer.role === 'seller';
  const text = seller
    ? csv(
        ['date', 'what', 'escrow_id', 'escrow', 'milestone', 'currency', 'amount', 'balance', 'stripe_id'],
        (await sellerStatement(context.sql, viewer.id, period)).map((l) => [
          l.at.toISOString(),
          STATEMENT_WORDS[l.kind] ?? l.kind,
          l.escrow_id,
          l.escrow_title,
          l.milestone_title,
          l.currency.toUpperCase(),
          decimalOf(l),
          decimalOf({ amount: l.balance, currency: l.currency }),
          l.stripe_id,
        ]),
      )
    : csv(
        ['date', 'what', 'id', 'escrow_id', 'escrow', 'currency', 'amount', 'stripe_id', 'bank_reference'],
        (await buyerStatement(context.sql, viewer.id, period)).map((l) => [
          l.at.toISOString(),
          STATEMENT_WORDS[l.kind] ?? l.kind,
          l.id,
          l.escrow_id,
          l.escrow_title,
          l.currency.toUpperCase(),
          decimalOf(l),
          l.stripe_id,
          l.bank_reference,
        ]),
      );
  response
    .set({
      'Content-Disposition': `attachment; filename="tranche-${viewer.role}-${period.first}-${period.last}.csv"`,
      'Cache-Control': 'no-store',
    })
    .type('text/csv; charset=utf-8')
    .send(text);
}

async function receipt(call: PageCall): Promise<void> {
  const { context, reader, request, response } = call;
  const payment = String(request.params['payment']);
  const record = await escrowOf(call);
  const rows = await receiptRows(context.sql, record.state.id, payment);
  const paid = rows.find((row) => row.kind === 'payment' && row.id === payment);
  if (paid === undefined || paid.status !== 'succeeded') throw notFound('receipt');
  html(response, <ReceiptPage reader={reader} record={record} payment={paid} refunds={rows.filter((row) => row.kind === 'refund')} />); // prettier-ignore
}
