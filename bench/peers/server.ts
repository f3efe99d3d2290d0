// What the webhook peers share: an Express app that verifies and stores, as most handlers in the wild are written.
import express from 'express';

/** Serves `POST /webhooks/stripe` on PEER_PORT; answers 200 after `take` has stored the event, 400 where it throws. */
export function servePeer(take: (rawBody: Buffer, signature: string) => Promise<unknown>): void {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => void response.json({ ok: true }));
  app.post('/webhooks/stripe', express.raw({ type: () => true, limit: '1mb' }), (request, response) => {
    take(request.body as Buffer, request.get('Stripe-Signature') ?? '').then(
      () => response.json({ received: true }),
      (error: unknown) => response.status(400).json({ error: String(error) }),
    );
  });
  const server = app.listen(Number(process.env['PEER_PORT']), '127.0.0.1');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => server.close(() => process.exit(0)));
}
