// /ops: today with every queue, search, one escrow from all sides, health, chargebacks, payouts, closing alerts.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { explain } from '../../api/explanation.ts';
import { previewEscrow } from '../../api/preview.ts';
import { approvalsOfEscrow } from '../../db/approvals.ts';
import { cardDisputesFor } from '../../db/card-disputes.ts';
import { attachedFiles } from '../../db/files.ts';
import { checkInvariants } from '../../db/invariants.ts';
import { entriesOf } from '../../db/ledger.ts';
import { listPayouts } from '../../db/payouts.ts';
import { openAlerts, queues, stuckMilestones } from '../../db/queues.ts';
import { escrowWorkflowId } from '../../domain/ids.ts';
import { commandKeyOf, escrowOf, field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import type { DryRunResult } from '../parts/consequences.tsx';
import { AllSidesPage } from '../pages/all-sides.tsx';
import { HealthPage } from '../pages/health.tsx';
import { ChargebacksPage, PayoutsPage } from '../pages/ops-lists.tsx';
import { SearchPage } from '../pages/search.tsx';
import { TodayPage } from '../pages/today.tsx';
import { partsOf } from '../health.ts';
import { allMovements, escrowOfAnyId, eventCounts, eventsOfEscrow, frozenEscrows, namesOf, openCommands, searchText } from '../reads.ts'; // prettier-ignore
import { temporalLinks, workflowFacts } from '../temporal.ts';

const STAFF = ['ops', 'auditor'] as const;
const QUEUE = 100;
const PER_PAGE = 50;
const STRIPE_DASHBOARD = 'https://dashboard.stripe.com';

export function opsRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/ops',
    signedIn(context, STAFF, (call) => today(call, null)),
  );
  router.get('/ops/search', signedIn(context, STAFF, search));
  router.get('/ops/health', signedIn(context, STAFF, health));
  router.get('/ops/chargebacks', signedIn(context, STAFF, chargebacks));
  router.get('/ops/payouts', signedIn(context, STAFF, payouts));
  router.get('/ops/escrows/:id', signedIn(context, STAFF, allSides));
  router.post('/ops/alerts/:id/resolve', signedIn(context, ['ops'], resolve));
  return router;
}

const query = ({ request }: PageCall, name: string): string => {
  const value = request.query[name];
  return typeof value === 'string' ? value.trim() : '';
};

async function today(call: PageCall, missing: string | null, problem?: string): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const { sql, settings } = context;
  const [all, alerts, stuck, frozen, events] = await Promise.all([
    queues(sql, viewer.entityId),
    openAlerts(sql, { limit: QUEUE }),
    stuckMilestones(sql, viewer.entityId, QUEUE),
    frozenEscrows(sql, viewer, QUEUE),
    eventCounts(sql),
  ]);
  const status = missing !== null ? 404 : problem === undefined ? 200 : 422;
  html(response, <TodayPage reader={reader} queues={all} alerts={alerts} stuck={stuck} frozen={frozen} events={events} notFound={missing} temporal={temporalLinks(settings.temporal)} notice={noticeOf(request)} problem={problem} />, status); // prettier-ignore
}

/** An id leads to its escrow; words and addresses to a list. */
async function search(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const asked = query(call, 'id');
  if (asked === '') return today(call, null);
  const escrowId = await escrowOfAnyId(context.sql, asked);
  if (escrowId !== null) return seeOther(response, `/escrows/${escrowId}`);
  const found = await searchText(context.sql, viewer.entityId, asked, PER_PAGE);
  if (found.escrows.length === 0 && found.people.length === 0) return today(call, asked);
  html(response, <SearchPage reader={reader} asked={asked} {...found} />);
}

async function allSides(call: PageCall): Promise<void> {
  const { context, caller, reader, response } = call;
  const { sql, settings, temporal, logger } = context;
  const record = await escrowOf(call);
  const { id } = record.state;
  const paid = record.state.payments.filter((p) => p.status === 'succeeded' && p.chargeId !== null);
  const [workflow, movements, entries, events, approvals, alerts, files, disputes] = await Promise.all([
    workflowFacts(temporal, logger, escrowWorkflowId(id)),
    allMovements(sql, id),
    entriesOf(sql, id),
    eventsOfEscrow(sql, id, QUEUE),
    approvalsOfEscrow(sql, id),
    openAlerts(sql, { limit: QUEUE, escrowId: id }),
    attachedFiles(sql, id),
    Promise.all(paid.map(async ({ id: paymentId }) => ({ paymentId, preview: (await previewEscrow(context, caller, id, { action: 'chargeback', payment_id: paymentId })).body as DryRunResult['preview'] }))), // prettier-ignore
  ]);
  const dashboard = settings.mode === 'sandbox' ? null : settings.mode === 'live' ? STRIPE_DASHBOARD : `${STRIPE_DASHBOARD}/test`; // prettier-ignore
  html(
    response,
    <AllSidesPage
      reader={reader}
      record={record}
      explanation={explain(record).summary}
      workflow={workflow}
      temporal={temporalLinks(settings.temporal, id)}
      movements={movements}
      dashboard={dashboard}
      entries={entries}
      events={events}
      approvals={approvals}
      alerts={alerts}
      files={files}
      disputes={disputes}
    />,
  );
}

async function health(call: PageCall): Promise<void> {
  const { context, reader, response } = call;
  const asked = query(call, 'invariants') === 'true';
  const [parts, commands, invariants] = await Promise.all([
    partsOf(context),
    openCommands(context.sql, PER_PAGE),
    asked ? checkInvariants(context.sql) : null,
  ]);
  html(response, <HealthPage reader={reader} mode={context.settings.mode} parts={parts} invariants={invariants} commands={commands} />); // prettier-ignore
}

async function chargebacks(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const after = query(call, 'after');
  const rows = await cardDisputesFor(context.sql, viewer, { startingAfter: after === '' ? undefined : after, limit: PER_PAGE + 1 }); // prettier-ignore
  const disputes = rows.slice(0, PER_PAGE);
  const older = rows.length > PER_PAGE ? `/ops/chargebacks?after=${disputes.at(-1)!.id}` : null;
  html(response, <ChargebacksPage reader={reader} disputes={disputes} older={older} />);
}

async function payouts(call: PageCall): Promise<void> {
  const { context, reader, response } = call;
  const [after, status] = [query(call, 'after'), query(call, 'status')];
  const filter = { ...(after === '' ? {} : { startingAfter: after }), ...(status === '' ? {} : { status }) };
  const rows = await listPayouts(context.sql, null, { ...filter, limit: PER_PAGE });
  const shown = rows.slice(0, PER_PAGE);
  const names = await namesOf(context.sql, shown.map((p) => p.seller_id)); // prettier-ignore
  const older = rows.length > PER_PAGE ? `/ops/payouts?after=${shown.at(-1)!.id}${status === '' ? '' : `&status=${encodeURIComponent(status)}`}` : null; // prettier-ignore
  html(response, <PayoutsPage reader={reader} payouts={shown} names={names} status={status === '' ? undefined : status} older={older} />); // prettier-ignore
}

async function resolve(call: PageCall): Promise<void> {
  const { request, response } = call;
  const given = { note: field(request, 'note') };
  const result = await giveRoute(call, 'resolveAlert', { id: String(request.params['id']) }, given, commandKeyOf(request)); // prettier-ignore
  if (result.kind === 'refused' && result.problem.status === 404) throw notFound('alert');
  if (result.kind === 'refused') return today(call, null, result.problem.detail);
  seeOther(response, '/ops', 'resolved');
}
