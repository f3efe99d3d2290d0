// How long a webhook is tried, and which addresses it may reach.
import { expect, test } from '@jest/globals';
import { WEBHOOK_DELAYS_MS } from '../../domain/webhook-schedule.ts';
import { faultOfUrl, isAllowedAddress } from '../../webhooks/public-address.ts';

test('a webhook is tried at once and then, ever more slowly, for about 75 hours', () => {
  const [first, ...rest] = WEBHOOK_DELAYS_MS;
  expect(first).toBe(0);
  expect(rest).toEqual([...rest].sort((a, b) => a - b));
  const hours = WEBHOOK_DELAYS_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(75);
  expect(hours).toBeLessThan(76);
});

test.each(['8.8.8.8', '1.1.1.1', '93.184.215.14', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isAllowedAddress(address, { loopback: false })).toBe(true);
}); // prettier-ignore

test.each([
  '127.0.0.1', '127.9.9.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1',
  '198.18.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', 'fc00::1', 'fd12::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', '::ffff:10.0.0.1',
  '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1', '::7f00:1', 'not an address', '',
])('%s is private', (address) => expect(isAllowedAddress(address, { loopback: false })).toBe(false)); // prettier-ignore

test('with the sandbox’s setting this machine itself may be reached, and nothing else that is private', () => {
  for (const address of ['127.0.0.1', '::1']) expect(isAllowedAddress(address, { loopback: true })).toBe(true);
  for (const address of ['10.0.0.1', '169.254.169.254', '::ffff:10.0.0.1', 'fe80::1']) {
    expect(isAllowedAddress(address, { loopback: true })).toBe(false);
  }
});

test.each([
  ['https://example.com/hooks', null],
  ['http://example.com/hooks', 'takes an https:// URL'],
  ['ftp://example.com/', 'takes an https:// URL'],
  ['file:///etc/passwd', 'takes an https:// URL'],
  ['example.com', 'takes a URL such as https://example.com/webhooks'],
  ['https://user:pw@example.com/', 'takes a URL without a name and a password'],
  ['https://example.com/#x', 'takes a URL without a #fragment'],
  ['https://localhost/', 'takes an address that is not private'],
  ['https://a.localhost./', 'takes an address that is not private'],
  ['https://2130706433/', 'takes an address that is not private'],
  ['https://0x7f.1/', 'takes an address that is not private'],
  ['https://[::1]/', 'takes an address that is not private'],
  ['https://[::ffff:169.254.169.254]/', 'takes an address that is not private'],
])('%s: %s', (url, fault) => expect(faultOfUrl(url, { loopback: false, httpsOnly: true })).toBe(fault));
