// /disputes/<id>: a chargeback and the answers to it; an in-product dispute leads to its milestone.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { cardDisputeView, findCardDisputeFor } from '../../api/card-dispute.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { findDispute } from '../../db/disputes.ts';
import { findEscrow } from '../../db/escrows.ts';
import { evidenceFiles } from '../../db/files.ts';
import { EVIDENCE_FILE_FIELDS } from '../../payments/port.ts';
import { CHARGEBACK_QUERIES, chargebackWorkflowId, type ChargebackWord } from '../../workflows/chargeback-messages.ts';
import { commandKeyOf, field, fields, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute, type Result } from '../page-commands.ts';
import { CardDisputePage } from '../pages/card-dispute.tsx';
import { newKey } from '../parts/form.tsx';
import { takeUploads } from '../uploads.ts';
import type { NOTICES } from '../words.ts';

const ANSWERING = ['seller', 'ops'] as const;
const QUERY_MS = 2_000;

export function cardDisputeRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/disputes/:id',
    signedIn(context, null, (call) => show(call)),
  );
  router.post('/disputes/:id/evidence', signedIn(context, ANSWERING, stage));
  router.post(
    '/disputes/:id/submit-evidence',
    signedIn(context, ANSWERING, (call) => answer(call, 'submitEvidence', {}, 'evidence_sent')),
  );
  router.post(
    '/disputes/:id/accept-loss',
    signedIn(context, ANSWERING, (call) => answer(call, 'acceptLoss', {}, 'loss_accepted')),
  );
  return router;
}

const idOf = ({ request }: PageCall): string => String(request.params['id']);

async function show(call: PageCall, problem?: string, key = newKey()): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const dispute = await findCardDisputeFor(context, viewer, idOf(call));
  if (dispute === null) {
    const inProduct = await findDispute(context.sql, viewer, idOf(call));
    if (inProduct === null) throw notFound('dispute');
    return seeOther(response, `/escrows/${inProduct.escrow.state.id}`);
  }
  const [record, files, word] = await Promise.all([
    findEscrow(context.sql, viewer, dispute.escrow_id),
    evidenceFiles(context.sql, dispute.id),
    wordOf(context, dispute.id),
  ]);
  if (record === null) throw notFound('dispute');
  const until = word?.until ?? dispute.due_by?.getTime() ?? null;
  html(
    response,
    <CardDisputePage
      reader={reader}
      record={record}
      dispute={cardDisputeView(dispute, viewer)}
      until={until === null ? null : new Date(until).toISOString()}
      accepted={word?.accepted ?? []}
      files={files.filter((f) => f.evidence_field !== null)}
      commandKey={key}
      typed={{ text: field(request, 'text') }}
      notice={noticeOf(request)}
      problem={problem}
    />,
    problem === undefined ? 200 : 422,
  );
}

/** The workflow knows until when the sellers have; without its answer the bank's own date stands. */
async function wordOf({ temporal, logger }: AppContext, id: string): Promise<ChargebackWord | null> {
  try {
    const handle = temporal.workflow.getHandle(chargebackWorkflowId(id));
    return await temporal.withDeadline(Date.now() + QUERY_MS, () => handle.query<ChargebackWord>(CHARGEBACK_QUERIES.word)); // prettier-ignore
  } catch (error) {
    logger.warn({ err: error, dispute_id: id }, 'the dispute’s workflow did not answer');
    return null;
  }
}

async function stage(call: PageCall): Promise<void> {
  const { context, viewer, request } = call;
  const dispute = await findCardDisputeFor(context, viewer, idOf(call));
  if (dispute === null) throw notFound('dispute');
  const key = commandKeyOf(request);
  const files: { file_id: string; field: string }[] = [];
  for (const name of EVIDENCE_FILE_FIELDS) {
    const given = await takeUploads(call, dispute.escrow_id, key, name);
    if (given.refusal !== null) return show(call, given.refusal, key);
    const kept = fields(request, 'kept').find((each) => each.startsWith(`${name}:`))?.slice(name.length + 1);
    const id = given.ids[0] ?? kept;
    if (id !== undefined) files.push({ file_id: id, field: name });
  } // prettier-ignore
  await answer(call, 'stageEvidence', { text: field(request, 'text'), files }, 'evidence_staged');
}

async function answer(call: PageCall, operation: string, given: object, notice: keyof typeof NOTICES): Promise<void> {
  const { request, response } = call;
  const id = idOf(call);
  const result: Result<object> = await giveRoute(call, operation, { id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `/disputes/${id}`, notice);
}
