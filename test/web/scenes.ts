// Where each action of the pages can be done: an escrow brought there by the API, whose page it is, and what is typed and pressed.
import type { EVENT_MESSAGES } from '../../domain/messages.ts';
import type { PageAction } from '../../web/words.ts';
import { disputes, step } from '../disputes/steps.ts';
import { type castOf, type EscrowObject, fundedEscrow, proposal } from '../stack/api.ts';

type Cast = ReturnType<typeof castOf>;
type EventType = keyof typeof EVENT_MESSAGES;

export interface Scene {
  person: 'buyer' | 'seller' | 'ops';
  escrowId: string;
  path: string;
  /** By the names of the fields. */
  fill: Record<string, string>;
  /** One after the other; the form's main button where nothing is said. */
  press: string[];
  /** What the timeline has afterwards. */
  told: EventType;
}

const MAIN = 'main form .actions button[type="submit"]:not([name])';

/** A new escrow at each call. Complete by its type: an action without a scene does not compile. */
export const SCENES: Record<PageAction, (cast: Cast) => Promise<Scene>> = {
  agree: async (cast) => {
    const { id } = await cast.buyer.propose(terms(cast));
    return onEscrow('seller', id, 'escrow.agreed', 'Agree to these terms');
  },
  fund: async (cast) => {
    const { id } = await cast.buyer.propose(terms(cast));
    await cast.seller.agree(id);
    const scene = onEscrow('buyer', id, 'payment.succeeded', 'Pay $100.00');
    return { ...scene, press: [...scene.press, 'button:has-text("Pay with a card that works")'] };
  },
  start: async (cast) => onEscrow('seller', (await paid(cast)).id, 'milestone.started', 'Start the work'),
  submit: async (cast) => onMilestone('seller', await paid(cast), 'submit', 'milestone.submitted', { note: 'Done' }),
  accept: async (cast) => onMilestone('buyer', await submitted(cast), 'accept', 'milestone.accepted'),
  request_changes: async (cast) => onMilestone('buyer', await submitted(cast), 'request-changes', 'milestone.changes_requested', { note: 'Bluer' }), // prettier-ignore
  extend: async (cast) => onMilestone('buyer', await submitted(cast), 'extend', 'milestone.extended'),
  refund: async (cast) => onMilestone('buyer', await paid(cast), 'refund', 'refund.ordered', { reason: 'Not needed' }),
  dispute: async (cast) => onMilestone('buyer', await submitted(cast), 'dispute', 'dispute.opened', { reason: 'Not as agreed' }), // prettier-ignore
  reply: async (cast) => onMilestone('seller', (await disputed(cast)).escrow, 'reply', 'dispute.replied', { message: 'It is' }), // prettier-ignore
  offer: async (cast) => onMilestone('buyer', (await replied(cast)).escrow, 'offer', 'dispute.offered', { amount: '60.00' }), // prettier-ignore
  accept_offer: async (cast) => {
    const { escrow, dispute } = await replied(cast);
    await step(cast.seller, dispute, 'offer', { seller_amount: 6_000 });
    return onMilestone('buyer', escrow, 'accept-offer', 'dispute.settled');
  },
  escalate: async (cast) => onMilestone('buyer', (await replied(cast)).escrow, 'escalate', 'dispute.in_mediation'),
  rule: async (cast) => {
    const { escrow, dispute } = await replied(cast);
    await step(cast.buyer, dispute, 'escalate');
    return onMilestone('ops', escrow, 'rule', 'dispute.settled', { amount: '40.00', reason: 'Half of it is done' });
  },
  amend: async (cast) => ({
    ...onPage('buyer', (await paid(cast)).id, 'amend', 'amendment.proposed', { m_amount: '80.00' }),
    press: ['button[value="preview"]:visible:not(.visually-hidden)', 'button[value="propose"]'],
  }),
  sign_amendment: async (cast) => onPage('seller', await amended(cast), 'sign-amendment', 'amendment.signed'),
  reject_amendment: async (cast) => onPage('seller', await amended(cast), 'reject-amendment', 'amendment.rejected'),
  cancel: async (cast) => onPage('buyer', (await paid(cast)).id, 'cancel', 'escrow.cancelling', { reason: 'Not needed' }), // prettier-ignore
  freeze: async (cast) => onPage('ops', (await paid(cast)).id, 'freeze', 'escrow.frozen', { reason: 'A look' }),
  unfreeze: async (cast) => {
    const { id } = await paid(cast);
    await cast.ops.freeze(id);
    return onPage('ops', id, 'unfreeze', 'escrow.unfrozen');
  },
};

const terms = (cast: Cast) => proposal(cast.seller.person.id, [10_000]);
const paid = (cast: Cast): Promise<EscrowObject> => fundedEscrow(cast.buyer, [cast.seller], terms(cast));

async function submitted(cast: Cast): Promise<EscrowObject> {
  const escrow = await paid(cast);
  return cast.seller.act(escrow.id, escrow.milestones[0]!.id, 'submit', { note: 'Done' });
}

async function disputed(cast: Cast) {
  const escrow = await submitted(cast);
  return { escrow, dispute: await disputes(cast.buyer, escrow) };
}

async function replied(cast: Cast) {
  const { escrow, dispute } = await disputed(cast);
  return { escrow, dispute: await step(cast.seller, dispute, 'reply', { message: 'It is as agreed' }) };
}

async function amended(cast: Cast): Promise<string> {
  const { id, milestones } = await paid(cast);
  const asked = await cast.buyer.post(`/v1/escrows/${id}/amendments`, { milestones: [{ id: milestones[0]!.id, amount: 8_000 }] }); // prettier-ignore
  if (asked.status >= 300) throw new Error(`new terms: ${asked.status} ${JSON.stringify(asked.body)}`);
  return id;
}

const onPage = (person: Scene['person'], escrowId: string, page: string, told: EventType, fill: Scene['fill'] = {}): Scene => ({ person, escrowId, path: `/escrows/${escrowId}/${page}`, fill, press: [MAIN], told }); // prettier-ignore

const onMilestone = (person: Scene['person'], e: EscrowObject, page: string, told: EventType, fill: Scene['fill'] = {}): Scene =>
  onPage(person, e.id, `milestones/${e.milestones[0]!.id}/${page}`, told, fill); // prettier-ignore

/** A button of the escrow's own page. */
const onEscrow = (person: Scene['person'], escrowId: string, told: EventType, label: string): Scene => ({ person, escrowId, path: `/escrows/${escrowId}`, fill: {}, press: [`button:has-text("${label}")`], told }); // prettier-ignore
