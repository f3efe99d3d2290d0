// /escrows/<id>/amend: new terms, looked at before they are proposed.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { type EscrowRecord, principalOn } from '../../db/escrows.ts';
import { type AmendmentFields, checkAmendment, presentTerms, readAmendment } from '../amendment-form.ts';
import { amendmentConsequences } from '../consequences.ts';
import { actionsFor } from '../next-step.ts';
import { commandKeyOf, escrowOf, field, html, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { AmendPage } from '../pages/amend.tsx';
import { newKey } from '../parts/form.tsx';
import { emptyMilestone, errorAt, type FieldErrors, inspectionChoices } from '../proposal-form.ts';
import { sandboxPeople } from '../sandbox-people.ts';

const PARTIES = ['buyer', 'seller'] as const;

export function amendRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/escrows/:id/amend',
    signedIn(context, PARTIES, async (call) => {
      const record = await found(call);
      await show(call, record, presentTerms(record), {}, false);
    }),
  );
  router.post('/escrows/:id/amend', signedIn(context, PARTIES, post));
  return router;
}

/** @throws Problem not_found: for what is not the reader's, and where no new terms can be proposed now */
async function found(call: PageCall): Promise<EscrowRecord> {
  const record = await escrowOf(call);
  if (!actionsFor(record, call.viewer, call.reader.now).escrow.includes('amend')) throw notFound('page');
  return record;
}

async function show(call: PageCall, record: EscrowRecord, given: AmendmentFields, errors: FieldErrors, looks: boolean, key = newKey()): Promise<void> {
  const { context, viewer, reader, response } = call;
  const checked = looks ? await checkAmendment(context, record, reader.timeZone, given) : { terms: null, errors: {} };
  const principal = principalOn(record.state, viewer)!;
  const people = await sandboxPeople(context.settings);
  const all = { ...errors, ...checked.errors };
  const consequences = checked.terms === null ? null : amendmentConsequences({ reader, record, milestone: null, principal, amount: undefined }, checked.terms);
  html(
    response,
    <AmendPage
      reader={reader}
      record={record}
      given={given}
      errors={all}
      terms={checked.terms}
      consequences={consequences}
      commandKey={key}
      inspections={inspectionChoices(context.settings)}
      emails={people.map(({ email }) => email)}
    />,
    Object.keys(all).length > 0 ? 422 : 200,
  );
} // prettier-ignore

async function post(call: PageCall): Promise<void> {
  const { context, reader, request, response } = call;
  const record = await found(call);
  const given = readAmendment(request);
  const key = commandKeyOf(request);
  const intent = field(request, 'intent');
  if (intent === 'add') {
    const milestones = [...given.milestones, { ...emptyMilestone(''), id: '', out: false }];
    return show(call, record, { ...given, milestones }, {}, false, key);
  }
  if (intent !== 'propose') return show(call, record, given, {}, true, key);
  const checked = await checkAmendment(context, record, reader.timeZone, given);
  if (checked.body === null) return show(call, record, given, checked.errors, false, key);
  const { id } = record.state;
  const result = await giveRoute(call, 'proposeAmendment', { id }, checked.body, key);
  if (result.kind === 'done') return seeOther(response, `/escrows/${id}`, 'amend');
  const { problem } = result;
  return show(call, record, given, errorAt(problem.param, problem.detail), false, problem.status >= 500 ? key : newKey());
} // prettier-ignore
