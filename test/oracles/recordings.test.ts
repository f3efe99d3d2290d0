// Oracle: exchanges recorded with real Stripe. What they show is stated in our own words, fact by fact.
import { afterAll, describe, test } from '@jest/globals';

import { holds } from './fact.ts';
import { ERROR_FACTS } from './facts-errors.ts';
import { FLOW_FACTS } from './facts-flows.ts';
import { report } from './figures.ts';

const facts = [...ERROR_FACTS, ...FLOW_FACTS];
const figures = { facts: facts.length, held: 0, exchanges: 0 };

afterAll(() => report('recordings', figures));

describe('as recorded with Stripe', () => {
  test.each(facts)('$name', async (fact) => {
    figures.exchanges += await holds(fact);
    figures.held += 1;
  });
});
