// Peer: the same inbox without batches. Each webhook is one INSERT, committed before its 200; nothing else of the API.
import { Stripe } from 'stripe';
import { connect } from '../../db/client.ts';
import { servePeer } from './server.ts';

const sql = connect(process.env['DATABASE_URL']!, { max: 20, applicationName: 'bench-single-row' });
const stripe = new Stripe('sk_test_bench');
const [secret] = process.env['STRIPE_WEBHOOK_SECRETS']!.split(',') as [string];

servePeer(async (rawBody, signature) => {
  const event = stripe.webhooks.constructEvent(rawBody, signature, secret);
  const object = event.data.object as { id?: string };
  await sql`
    INSERT INTO stripe_events (id, type, object_id, account, livemode, api_version, body)
    VALUES (${event.id}, ${event.type}, ${object.id ?? null}, ${event.account ?? null}, ${event.livemode},
            ${event.api_version ?? null}, ${rawBody.toString('utf8')})
    ON CONFLICT (id) DO NOTHING`;
});
