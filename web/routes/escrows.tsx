// Escrows as pages: the list, a new one, one of them, its money, and every action on it.
import { Router } from 'express';
import type { Child } from 'hono/jsx';
import type { AppContext } from '../../api/context.ts';
import { notFound, proposeEscrow } from '../../api/escrow-commands.ts';
import { type ProblemDocument } from '../../api/problem.ts';
import type { ApprovalAsked } from '../../api/approvals.ts';
import type { EscrowView } from '../../api/schemas.ts';
import { type EscrowRecord, listEscrows, movementsOf, principalOn, seesEverything, timelineOf } from '../../db/escrows.ts'; // prettier-ignore
import { attachedFiles, ownFiles } from '../../db/files.ts';
import { entriesOf, MONEY_TERMS } from '../../db/ledger.ts';
import type { Tx } from '../../db/client.ts';
import { releasedLeft as releasedLeftOf } from '../../db/recoveries.ts';
import { previewBody, previewEscrow } from '../../api/preview.ts';
import { afterRelease } from '../../api/released-refunds.ts';
import type { DryRunResult } from '../parts/consequences.tsx';
import { cardDisputesFor } from '../../db/card-disputes.ts';
import { verticals } from '../../db/sellers.ts';
import { isEscrowAction, permit } from '../../domain/transitions.ts';
import { consequencesOf } from '../consequences.ts';
import { endOfDay, parseAmount } from '../format.ts';
import type { LiveEscrows } from '../live.ts';
import { actionsFor, groupOf, type ListGroup, nextStep } from '../next-step.ts';
import {
  commandKeyOf,
  escrowOf,
  field,
  fields,
  formOf,
  html,
  noticeOf,
  type PageCall,
  seenAlready,
  seeOther,
  signedIn,
} from '../page.ts';
import { type ActionFields, answered, type FundAnswer, giveCommand, type Target } from '../page-commands.ts';
import { ActPage } from '../pages/act.tsx';
import { EscrowListPage } from '../pages/escrow-list.tsx';
import { EscrowPage } from '../pages/escrow.tsx';
import { MoneyPage } from '../pages/money.tsx';
import { NewEscrowPage } from '../pages/new-escrow.tsx';
import { ErrorState } from '../parts/basics.tsx';
import { newKey } from '../parts/form.tsx';
import { checkProposal, emptyMilestone, emptyProposal, errorAt, type FieldErrors, inspectionChoices, type ProposalFields, quoteOf, readProposal } from '../proposal-form.ts'; // prettier-ignore
import { takeUploads } from '../uploads.ts';
import { sandboxPeople } from '../sandbox-people.ts';
import { ACTIONS, isPageAction, type PageAction } from '../words.ts';

const PER_PAGE = 50;
const TIMELINE = 500;
const MOVEMENTS = 100;

export function escrowRoutes(context: AppContext, live: LiveEscrows): Router {
  const router = Router();
  router.get('/escrows', signedIn(context, null, list));
  router.get('/escrows/new', signedIn(context, ['buyer', 'seller'], (call) => newEscrow(call, emptyProposal(call.session.person), {}, false))); // prettier-ignore
  router.post('/escrows/new', signedIn(context, ['buyer', 'seller'], postNewEscrow));
  router.get(
    '/escrows/:id',
    signedIn(context, null, (call) => escrow(call)),
  );
  router.get('/escrows/:id/money', signedIn(context, null, money));
  router.get(
    '/escrows/:id/events',
    signedIn(context, null, async (call) => {
      const { state } = await escrowOf(call);
      const tell = live.follow(state.id, call.request, call.response);
      // What changed between the page and this connection is read after following, so that nothing falls between.
      const { revision } = (await escrowOf(call)).state;
      if (String(revision) !== call.request.query['revision']) tell();
    }),
  );
  for (const path of ['/escrows/:id/:action', '/escrows/:id/milestones/:mid/:action']) {
    router.get(path, signedIn(context, null, getAction));
    router.post(path, signedIn(context, null, postAction));
  }
  return router;
}

const param = (call: PageCall, name: string): string => String(call.request.params[name] ?? '');

async function list(call: PageCall): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const { show, after } = request.query;
  const page = await listEscrows(context.sql, viewer, {
    limit: PER_PAGE,
    startingAfter: typeof after === 'string' ? after : undefined,
  });
  const escrows = page.data.map((record) => {
    const step = nextStep(record, viewer, reader.now);
    return { record, step, group: groupOf(record, step) };
  });
  const last = page.data.at(-1)?.state.id;
  const group = (['needs-you', 'waiting', 'done'] satisfies ListGroup[]).find((each) => each === show) ?? null;
  const older = page.hasMore && last !== undefined ? `/escrows?after=${last}${group === null ? '' : `&show=${group}`}` : null; // prettier-ignore
  html(response, <EscrowListPage reader={reader} escrows={escrows} show={group} older={older} notice={noticeOf(request)} />); // prettier-ignore
}

async function escrow(call: PageCall, problem?: Child, status = 200): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const record = await escrowOf(call);
  if (seenAlready(request, record.state.revision)) return void response.status(204).end();
  const { id } = record.state;
  const [timeline, files, cardDisputes] = await Promise.all([
    timelineOf(context.sql, viewer, id, { limit: TIMELINE }),
    attachedFiles(context.sql, id),
    cardDisputesFor(context.sql, viewer, { escrowId: id, limit: 20 }),
  ]);
  html(
    response,
    <EscrowPage
      reader={reader}
      record={record}
      step={nextStep(record, viewer, reader.now)}
      actions={actionsFor(record, viewer, reader.now)}
      files={files}
      cardDisputes={cardDisputes}
      timeline={timeline ?? { data: [], hasMore: false }}
      settings={context.settings}
      notice={noticeOf(request)}
      problem={problem}
    />,
    status,
  );
}

async function money(call: PageCall): Promise<void> {
  const { context, viewer, reader, response } = call;
  const record = await escrowOf(call);
  const { id } = record.state;
  const kinds = ['payment', 'transfer', 'refund'] as const;
  const pages = await Promise.all(
    kinds.map((kind) => movementsOf(context.sql, viewer, id, kind, { limit: MOVEMENTS })),
  );
  const movements = pages.flatMap((page) => page?.data ?? []).sort((a, b) => a.created_at.getTime() - b.created_at.getTime()); // prettier-ignore
  const entries = await entriesOf(context.sql, id);
  const term = MONEY_TERMS.find((each) => each === call.request.query['term']) ?? null;
  html(response, <MoneyPage reader={reader} record={record} movements={movements} entries={entries} term={term} showsAccounts={seesEverything(viewer)} />); // prettier-ignore
}

// ---- a new escrow -----------------------------------------------------------------------------------------------

async function newEscrow(call: PageCall, given: ProposalFields, errors: FieldErrors, showsQuote: boolean, key = newKey(), typing = false): Promise<void> {
  const { context, reader, response, session } = call;
  const [kinds, people] = await Promise.all([verticals(context.sql, session.person.entityId), sandboxPeople(context.settings)]);
  const checked = showsQuote ? await checkProposal(context, session.person, reader.timeZone, given) : { body: null, errors };
  const quote = checked.body === null ? { terms: null, errors: checked.errors } : await quoteOf(context, session.person, checked.body);
  const all = { ...errors, ...quote.errors };
  html(
    response,
    <NewEscrowPage
      reader={reader}
      given={given}
      errors={all}
      quote={quote.terms}
      commandKey={key}
      verticals={kinds}
      inspections={inspectionChoices(context.settings)}
      emails={people.map(({ email }) => email).filter((email) => email !== session.person.email)}
    />,
    Object.keys(all).length > 0 && !typing ? 422 : 200,
  );
} // prettier-ignore

async function postNewEscrow(call: PageCall): Promise<void> {
  const { context, request, response, reader, session, caller } = call;
  const given = readProposal(request);
  const intent = field(request, 'intent') ?? 'preview';
  const key = commandKeyOf(request);
  if (intent === 'add') {
    const last = given.milestones.at(-1);
    const milestones = [...given.milestones, emptyMilestone(last?.seller ?? '')];
    return newEscrow(call, { ...given, milestones }, {}, false, key);
  }
  if (intent.startsWith('remove:')) {
    const gone = Number(intent.slice('remove:'.length));
    return newEscrow(call, { ...given, milestones: given.milestones.filter((_, i) => i !== gone) }, {}, false, key);
  }
  // While somebody still types, what is missing is not yet wrong.
  if (intent === 'quote') return newEscrow(call, given, {}, true, key, true);
  if (intent !== 'propose') return newEscrow(call, given, {}, true, key);
  const checked = await checkProposal(context, session.person, reader.timeZone, given);
  const { body } = checked;
  if (body === null) return newEscrow(call, given, checked.errors, false, key);
  const result = await answered<EscrowView>(() => proposeEscrow(context, caller, body, key));
  if (result.kind === 'done') return seeOther(response, `/escrows/${result.body.id}`, 'proposed');
  return newEscrow(call, given, errorAt(result.problem.param, result.problem.detail), false, keyAfter(result.problem, key));
} // prettier-ignore

/** What may still be running is asked for again with its own key; a refusal has used its key up. */
const keyAfter = (problem: ProblemDocument, key: string): string => (problem.status >= 500 ? key : newKey());

// ---- actions ----------------------------------------------------------------------------------------------------

interface Asked {
  record: EscrowRecord;
  action: PageAction;
  target: Target;
}

async function asked(call: PageCall): Promise<Asked> {
  const record = await escrowOf(call);
  const action = param(call, 'action').replaceAll('-', '_');
  const milestoneId = call.request.params['mid'] === undefined ? null : param(call, 'mid');
  if (!isPageAction(action) || isEscrowAction(action) !== (milestoneId === null)) throw notFound('page');
  if (milestoneId !== null && !record.state.milestones.some((m) => m.id === milestoneId)) throw notFound('page');
  return { record, action, target: { escrowId: record.state.id, milestoneId } };
} // prettier-ignore

async function getAction(call: PageCall): Promise<void> {
  const { record, action, target } = await asked(call);
  if (!ACTIONS[action].confirm) return seeOther(call.response, `/escrows/${record.state.id}`);
  return showAction(call, { record, action, target }, {}, newKey());
}

/** The consequences, or in words why it cannot be done now. */
async function showAction(
  call: PageCall,
  { record, action, target }: Asked,
  typed: Readonly<Record<string, string | undefined>>,
  key: string,
  problem?: Child,
  status = 200,
): Promise<void> {
  const { context, reader, viewer, response } = call;
  const principal = principalOn(record.state, viewer);
  const uploaded = (typed['file_ids'] ?? '').split(' ').filter(Boolean);
  const files = await ownFiles(context.sql, viewer.id, record.state.id, uploaded);
  const milestone = record.state.milestones.find((m) => m.id === target.milestoneId) ?? null;
  const offered = actionsFor(record, viewer, reader.now);
  const may = milestone === null ? offered.escrow : (offered.milestones[milestone.id] ?? []);
  if (principal === null || !may.includes(action)) {
    const refusal = principal && permit(record.state, action, principal, target.milestoneId, {}, reader.now);
    return escrow(call, problem ?? (await refused(refusal?.message ?? 'This is not possible for you now.')), problem ? status : 409); // prettier-ignore
  }
  const amount = typed['amount'] === undefined ? undefined : (parseAmount(typed['amount'], record.state.terms.currency) ?? undefined); // prettier-ignore
  const releasedLeft = action === 'refund' && milestone !== null && afterRelease(milestone) ? await context.sql.begin((tx) => releasedLeftOf(tx as Tx, record.state.id, milestone.id)) : null; // prettier-ignore
  const consequences = consequencesOf(action, { reader, record, milestone, principal, amount, releasedLeft });
  const dryRun = releasedLeft === null ? await dryRunOf(call, { record, action, target }, amount) : null;
  html(response, <ActPage reader={reader} record={record} milestone={milestone} action={action} consequences={consequences} dryRun={dryRun} releasedLeft={releasedLeft} commandKey={key} typed={typed} files={files} problem={problem} />, status); // prettier-ignore
}

const DRY_RUN: readonly PageAction[] = ['accept', 'refund', 'accept_offer', 'rule', 'cancel'];

/** What it would move now, of the acts that move money; null while an amount is missing, or is none. */
async function dryRunOf(call: PageCall, { record, action, target }: Asked, amount: number | undefined): Promise<DryRunResult | null> {
  if (!DRY_RUN.includes(action) || (action === 'rule' && amount === undefined)) return null;
  const body = previewBody.parse({
    action,
    ...(target.milestoneId === null ? {} : { milestone_id: target.milestoneId }),
    ...(amount === undefined ? {} : action === 'rule' ? { seller_amount: amount } : { amount }),
  });
  const { body: preview } = await previewEscrow(call.context, call.caller, record.state.id, body);
  return { before: record.money, preview: preview as DryRunResult['preview'] };
} // prettier-ignore

async function postAction(call: PageCall): Promise<void> {
  const { request, response, reader } = call;
  const { record, action, target } = await asked(call);
  const { currency } = record.state.terms;
  const key = commandKeyOf(request);
  const typed: Record<string, string | undefined> = Object.fromEntries(
    Object.keys(formOf(request)).map((name) => [name, field(request, name)]),
  );
  const uploads = await takeUploads(call, record.state.id, key);
  typed['file_ids'] = uploads.ids.join(' ');
  if (uploads.refusal !== null) return showAction(call, { record, action, target }, typed, key, refused(uploads.refusal), 422); // prettier-ignore
  if (field(request, 'intent') === 'preview') return showAction(call, { record, action, target }, typed, key);

  const given: ActionFields = {
    terms_hash: typed['terms_hash'],
    milestone_ids: chosenMilestones(request),
    reason: typed['reason'],
    note: typed['note'],
    message: typed['message'],
    amendment_id: typed['amendment_id'],
    deliverable_sha256: typed['deliverable_sha256'],
    file_ids: uploads.ids.length > 0 ? uploads.ids : undefined,
    ...(action === 'freeze' || action === 'unfreeze' ? frozenThing(typed['subject']) : {}),
  };
  if (typed['amount'] !== undefined) {
    const amount = parseAmount(typed['amount'], currency);
    if (amount === null) return showAction(call, { record, action, target }, typed, key, refused(`“${typed['amount']}” is not an amount in ${currency.toUpperCase()}.`), 422); // prettier-ignore
    given.amount = amount;
  }
  if (typed['until'] !== undefined) {
    const until = endOfDay(typed['until'], reader.timeZone);
    if (until === null) return showAction(call, { record, action, target }, typed, key, refused('The day is not a date.'), 422); // prettier-ignore
    given.until = until;
  }
  const home = `/escrows/${record.state.id}`;
  const result = await giveCommand<EscrowView | FundAnswer | ApprovalAsked>(call, action, target, given, key);
  if (result.kind === 'done') {
    if ('approval' in result.body) return seeOther(response, home, 'approval_asked');
    if ('payment' in result.body) return seeOther(response, `/pay/${result.body.payment.id}`);
    return seeOther(response, home, noticeAfter(action, result.body, target));
  }
  const { problem } = result;
  const shown = problem.status >= 500 ? unknown(problem) : refused(problem.detail);
  const status = problem.status >= 500 ? problem.status : problem.status === 400 ? 422 : 409;
  // What is true now may be something else than when the form was made.
  const now = { record: await escrowOf(call), action, target };
  if (ACTIONS[action].confirm) return showAction(call, now, typed, keyAfter(problem, key), shown, status);
  return escrow(call, shown, status);
}

function chosenMilestones(request: PageCall['request']): string[] | undefined {
  const ids = fields(request, 'milestone_ids');
  return ids.length > 0 ? ids : undefined;
}

const frozenThing = (subject: string | undefined): ActionFields =>
  subject === undefined ? { scope: 'escrow' } : { scope: 'milestone', milestone_id: subject };

/** A request is not yet the thing that was asked for. */
function noticeAfter(action: PageAction, view: EscrowView, { milestoneId }: Target): string {
  if (action === 'cancel' && view.cancel_request !== null) return 'cancel_asked';
  const milestone = view.milestones.find((m) => m.id === milestoneId);
  if (action === 'refund' && milestone?.refund_request) return 'refund_asked';
  return action;
}

function refused(detail: string): Child {
  return (
    <ErrorState title="This was not done">
      <p>{detail}</p>
      <p>Nothing has changed and no money has moved.</p>
    </ErrorState>
  );
}

function unknown(problem: ProblemDocument): Child {
  return (
    <ErrorState title={problem.code === 'outcome_unknown' ? 'We do not know yet whether it was done' : problem.title}>
      <p>
        {problem.code === 'outcome_unknown'
          ? 'It may still be running. Sending the form again is safe: it is never done twice.'
          : problem.detail}
      </p>
    </ErrorState>
  );
}
