// Peer: @supabase/stripe-sync-engine, which stores what Stripe's webhooks carry as rows of a schema of its own.
import { createRequire } from 'node:module';
import { servePeer } from './server.ts';

// Its ESM build looks for its migrations by `__dirname`, which ESM has not; its CommonJS build finds them.
const { runMigrations, StripeSync } = createRequire(import.meta.url)(
  '@supabase/stripe-sync-engine',
) as typeof import('@supabase/stripe-sync-engine');

// As the superuser, to whom its migrations give their functions. They only log what fails.
const databaseUrl = process.env['PEER_DATABASE_URL']!;
let failure: unknown;
const logger = { info() {}, debug() {}, warn() {}, error: (error: unknown) => void (failure ??= error) };
await runMigrations({ databaseUrl, schema: 'stripe', logger: logger as never });
if (failure !== undefined) throw failure;
const [secret] = process.env['STRIPE_WEBHOOK_SECRETS']!.split(',') as [string];
const sync = new StripeSync({
  schema: 'stripe',
  poolConfig: { connectionString: databaseUrl, max: 20 },
  stripeSecretKey: 'sk_test_bench',
  stripeWebhookSecret: secret,
  // What it stores is what the body says, as with us: no call to Stripe in either.
  backfillRelatedEntities: false,
});

servePeer((rawBody, signature) => sync.processWebhook(rawBody, signature));
