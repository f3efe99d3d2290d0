// What a card dispute is answered with: evidence staged while it is gathered, sent once for each stage, or the loss accepted.
import { type CardDispute, paidByCharge } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { contentOf, evidenceFiles, recordStripeFile, setEvidence } from '../db/files.ts';
import { phaseOf } from '../domain/chargeback.ts';
import { assert } from '../domain/errors.ts';
import { type DisputeEvidence, EVIDENCE_FILE_FIELDS, type EvidenceFileField } from '../payments/port.ts';
import type { ChargebackActivities } from './chargeback-contract.ts';
import { disputeReader } from './dispute-reader.ts';
import { evidencePack } from './evidence.ts';
import { type ActivityDeps, asFailure, beating } from './stripe-call.ts';

type Answers = Pick<ChargebackActivities, 'stageDisputeEvidence' | 'submitDisputeEvidence' | 'acceptDisputeLoss'>;

export function disputeAnswerActivities(deps: ActivityDeps): Answers {
  const { sql, payments } = deps;
  const { known, atStripe } = disputeReader(deps);

  /** The staged files as Stripe knows them, each uploaded once; a field whose file was taken out is emptied. */
  async function filesAtStripe(disputeId: string): Promise<DisputeEvidence> {
    const files = await evidenceFiles(sql, disputeId);
    if (files.length === 0) return {};
    const evidence: DisputeEvidence = Object.fromEntries(EVIDENCE_FILE_FIELDS.map((field) => [field, '']));
    for (const file of files.filter((f) => f.evidence_field !== null)) {
      let id = file.stripe_file_id;
      if (id === null) {
        const content = await contentOf(sql, file.id);
        assert(content !== null, `file ${file.id} has no content`);
        const sent = { name: file.name, mediaType: file.media_type, content };
        ({ id } = await writing(() => payments.createEvidenceFile(sent, `${file.escrow_id}:${file.id}:upload:1`)));
        await recordStripeFile(sql, file.id, id);
      }
      evidence[file.evidence_field as EvidenceFileField] = id;
    }
    return evidence;
  }

  async function submitDisputeEvidence(disputeId: string): Promise<void> {
    const dispute = await known(disputeId);
    const facts = await atStripe(dispute);
    const phase = phaseOf(facts.status);
    // One submission is all that the network takes: a repetition finds it made.
    if (facts.submissions > 0 || (phase !== 'open' && phase !== 'inquiry')) return;
    const { terms } = await paidByCharge(sql, dispute.escrow_id, dispute.charge_id);
    const evidence = { ...(await evidencePack(sql, dispute, terms)), ...(await filesAtStripe(disputeId)) };
    await writing(
      () =>
      payments.updateDispute(dispute.stripe_dispute_id, { evidence, submit: true }, `${dispute.escrow_id}:${disputeId}:submit:${stageOf(phase, dispute)}`), // prettier-ignore
    );
  }

  return {
    submitDisputeEvidence,
    stageDisputeEvidence: async ({ disputeId, text, by, files }) => {
      const dispute = await known(disputeId);
      const at = new Date().toISOString();
      const revision = await sql.begin(async (raw) => {
        const tx = raw as Tx;
        if (files !== undefined) await setEvidence(tx, disputeId, files);
        const [row] = await tx<{ revision: number }[]>`
          UPDATE disputes SET evidence = ${tx.json({ text, by, at })}, revision = revision + 1, updated_at = now()
          WHERE id = ${disputeId} RETURNING revision`;
        return row!.revision;
      });
      const key = `${dispute.escrow_id}:${disputeId}:stage:${revision}`;
      const evidence = { ...(await filesAtStripe(disputeId)), uncategorized_text: text };
      await writing(() => payments.updateDispute(dispute.stripe_dispute_id, { evidence, submit: false }, key));
    },
    acceptDisputeLoss: async (disputeId) => {
      const dispute = await known(disputeId);
      const facts = await atStripe(dispute);
      const phase = phaseOf(facts.status);
      if (phase !== 'open' && phase !== 'inquiry') return;
      await writing(() => payments.closeDispute(dispute.stripe_dispute_id, `${dispute.escrow_id}:${disputeId}:close:${stageOf(phase, dispute)}`)); // prettier-ignore
    },
  };
}

/**
 * An inquiry and the chargeback after it are one dispute at Stripe, within the day for which it replays a key: each stage and
 * round has its own. An inquiry's says no stage, as before stages were told apart.
 */
const stageOf = (phase: 'open' | 'inquiry', { state }: CardDispute): string =>
  `${phase === 'open' ? 'chargeback:' : ''}${state.decided?.round ?? 1}`;

const writing = <T>(call: () => Promise<T>): Promise<T> => asFailure(() => beating(call));
