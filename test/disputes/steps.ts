// Steps of the dispute tests: a milestone with held money, its dispute by the API, and both legs of its end.
import type { Answer, Api, EscrowObject, MoneyObject } from '../stack/api.ts';
import { fundedEscrow, proposal } from '../stack/api.ts';

export interface DisputeObject {
  id: string;
  object: 'dispute';
  kind: string;
  escrow_id: string;
  milestone_id: string;
  status: string;
  amount: MoneyObject;
  claim: { seller_amount: MoneyObject; buyer_amount: MoneyObject };
  offers: Record<'buyer' | 'seller', { seller_amount: MoneyObject } | null>;
  until: string | null;
  opened_by: { id: string; role: string };
  outcome: { seller_amount: MoneyObject; buyer_amount: MoneyObject; how: string; by: string | null } | null;
  waiting_for: { who: string; what: string };
  available_actions: string[];
  messages: { type: string; message: string | null; by: { role: string | null } }[];
}

/** One milestone per amount, paid and held, all of one seller. */
export function held(
  buyer: Api,
  seller: Api,
  amounts: number[],
  policy: object = {},
  milestone: object = {},
  more: object = {},
): Promise<EscrowObject> {
  return fundedEscrow(buyer, [seller], proposal(seller.person.id, amounts, { policy, ...more }, milestone));
}

export async function disputes(
  api: Api,
  escrow: EscrowObject,
  index = 0,
  body: object = { reason: 'not as agreed' },
): Promise<DisputeObject> {
  const answer = await tryDispute(api, escrow, index, body);
  if (answer.status !== 201) throw new Error(`dispute: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const tryDispute = (
  api: Api,
  escrow: EscrowObject,
  index = 0,
  body: object = { reason: 'not as agreed' },
): Promise<Answer<DisputeObject>> =>
  api.post<DisputeObject>(`/v1/escrows/${escrow.id}/milestones/${escrow.milestones[index]!.id}/dispute`, body);

/** One step in a dispute, which must be taken. */
export async function step(api: Api, d: DisputeObject, what: string, body: object = {}): Promise<DisputeObject> {
  const answer = await api.post<DisputeObject>(`/v1/disputes/${d.id}/${what}`, body);
  if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const read = async (api: Api, id: string): Promise<DisputeObject> =>
  (await api.get<DisputeObject>(`/v1/disputes/${id}`)).body;

export async function untilDispute(
  api: Api,
  id: string,
  wanted: (d: DisputeObject) => boolean,
  deadlineMs = 120_000,
): Promise<DisputeObject> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const dispute = await read(api, id);
    if (wanted(dispute)) return dispute;
    if (Date.now() > end) throw new Error(`dispute ${id} did not get there: ${JSON.stringify(dispute)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
