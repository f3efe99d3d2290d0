// What the API measures of itself, for Prometheus. One registry per app.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  /** Times every request under its route's pattern, never under an id. */
  timeRequests: RequestHandler;
  /** From now to the end of the answer. */
  time(request: IncomingMessage, response: ServerResponse, route: () => string): void;
}

export function createMetrics(registry = new Registry()): Metrics {
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'tranche_http_request_duration_seconds',
    help: 'Time to answer a request, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const time: Metrics['time'] = (request, response, route) => {
    const started = performance.now();
    response.once('finish', () => {
      const labels = { method: request.method ?? '', route: route(), status: String(response.statusCode) };
      duration.observe(labels, (performance.now() - started) / 1000);
    });
  };
  return {
    registry,
    time,
    timeRequests: (request, response, next) => {
      time(request, response, () => (request.route as { path?: string } | undefined)?.path ?? 'other');
      next();
    },
  };
}
