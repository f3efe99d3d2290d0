// The bare workflow's script: what the history of one real escrow held, under new ids for each.
import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter as converter, type Payload } from '@temporalio/common';
import type { PaymentOrder, TransferOrder } from '../../activities/contract.ts';
import type { EscrowSnapshot } from '../../domain/escrow-state.ts';
import type { Terms } from '../../domain/terms.ts';
import type { Plan } from './bare-workflow.ts';

export interface Script {
  escrowId: string;
  plan: Plan;
  /** As the API writes it when it answers the proposal. */
  created: { snapshot: EscrowSnapshot; terms: Terms; termsHash: string };
}

/** Reads the escrow's history once; what it answers makes scripts. */
export async function scriptsFrom(client: Client, escrowId: string): Promise<(empty: boolean) => Script> {
  const { events } = await client.workflow.getHandle(`escrow/${escrowId}`).fetchHistory();
  const first = (payloads: { payloads?: Payload[] | null } | null | undefined): unknown => {
    const [payload] = payloads?.payloads ?? [];
    return payload ? converter.fromPayload(payload) : undefined;
  };
  const orders = (type: string) =>
    (events ?? []).flatMap((e) => {
      const scheduled = e.activityTaskScheduledEventAttributes;
      return scheduled?.activityType?.name === type ? [first(scheduled.input as never)] : [];
    });
  const answers = (events ?? []).flatMap((e) => {
    const completed = e.workflowExecutionUpdateCompletedEventAttributes;
    return completed ? [first(completed.outcome?.success as never)] : [];
  });
  const asked = (events ?? []).find((e) => e.workflowExecutionUpdateAcceptedEventAttributes)!;
  const create = first(asked.workflowExecutionUpdateAcceptedEventAttributes!.acceptedRequest!.input!.args as never) as { terms: Terms; termsHash: string }; // prettier-ignore
  const { snapshot } = answers[0] as { snapshot: EscrowSnapshot };
  const template = JSON.stringify({
    escrowId,
    plan: { payment: orders('createPayment')[0] as PaymentOrder, transfers: orders('transferToSeller') as TransferOrder[], answers }, // prettier-ignore
    created: { snapshot, terms: create.terms, termsHash: create.termsHash },
  });
  return (empty) => {
    const fresh = new Map<string, string>();
    // Everything but people gets an id of its own.
    const text = template.replaceAll(/\b(?!usr_)([a-z]+_)([0-9a-f]{32})/g, (_all, prefix: string, hex: string) => {
      if (!fresh.has(hex)) fresh.set(hex, randomBytes(16).toString('hex'));
      return `${prefix}${fresh.get(hex)!}`;
    });
    const script = JSON.parse(text) as Script;
    return { ...script, plan: { ...script.plan, empty } };
  };
}
