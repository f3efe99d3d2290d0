// Events as zod schemas: what GET /v1/events lists and what webhooks carry is the same object.
import { z } from 'zod';

const ofEscrow = z
  .object({
    escrow_id: z.string(),
    escrow_status: z.string().describe('As the change left it.'),
    external_id: z.string().nullable().describe('Your own id of the escrow.'),
    milestone_id: z.string().nullable(),
    milestone_status: z.string().nullable(),
    actor: z.object({ kind: z.string(), id: z.string().nullable(), role: z.string().nullable() }),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .describe('As the timeline shows them; amounts in minor units of the escrow’s currency.'),
  })
  .meta({ id: 'EscrowEventData' });

const ofSeller = z
  .object({
    seller_id: z.string(),
    transfers: z.string(),
    status: z.string(),
    requirements: z.array(z.string()),
  })
  .meta({ id: 'SellerEventData' });

const ofPayout = z
  .object({
    payout_id: z.string(),
    seller_id: z.string(),
    status: z.string(),
    amount: z.int().describe('Minor units.'),
    currency: z.string(),
    failure_code: z.string().nullable(),
  })
  .meta({ id: 'PayoutEventData' });

const DATA: Readonly<Record<string, z.ZodType>> = { 'seller.updated': ofSeller, 'payout.updated': ofPayout };

/** The event as one type of it has it. */
export const eventOfType = (type: string) =>
  z.object({
    id: z.string(),
    object: z.literal('event'),
    type: z.literal(type),
    timestamp: z.iso.datetime(),
    data: DATA[type] ?? ofEscrow,
  });

export const event = z
  .object({
    id: z.string().describe('evt_…; ids rise in the order in which events can be read.'),
    object: z.literal('event'),
    type: z.string().describe('One of the catalogue: see the webhooks of this document.'),
    timestamp: z.iso.datetime().describe('When it happened.'),
    data: z.union([ofEscrow, ofSeller, ofPayout]),
  })
  .meta({
    id: 'Event',
    description: 'Something that happened. Webhooks carry this very object, with its id as `webhook-id`.',
  });
