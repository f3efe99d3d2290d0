import { expect, test } from '@jest/globals';
import { mayTransfer, refuseAcrossBorder } from '../../domain/cross-border.ts';

test.each([
  ['US', 'US', true],
  ['US', 'DE', true],
  ['GB', 'CH', true],
  ['CA', 'IS', true],
  ['US', 'BR', false],
  ['BR', 'US', false],
  ['BR', 'BR', true],
  ['TH', 'TH', true],
  ['DE', 'IN', false],
])('from %s to %s: %s', (platform, seller, may) => {
  expect(mayTransfer(platform, seller)).toBe(may);
});

test('the refusal names both countries and what to do', () => {
  expect(() => refuseAcrossBorder('TH', 'US', 'milestones[2].seller_id')).toThrow(/from TH.*to US.*Choose a seller in TH\.$/); // prettier-ignore
  expect(() => refuseAcrossBorder('US', 'FR', 'x')).not.toThrow();
});
