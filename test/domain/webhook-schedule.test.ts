// How long a webhook is tried. Which addresses it may reach: test/security/ssrf.test.ts.
import { expect, test } from '@jest/globals';
import { WEBHOOK_DELAYS_MS } from '../../domain/webhook-schedule.ts';

test('a webhook is tried at once and then, ever more slowly, for about 75 hours', () => {
  const [first, ...rest] = WEBHOOK_DELAYS_MS;
  expect(first).toBe(0);
  expect(rest).toEqual([...rest].sort((a, b) => a - b));
  const hours = WEBHOOK_DELAYS_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(75);
  expect(hours).toBeLessThan(76);
});
