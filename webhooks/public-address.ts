// Which addresses of the network belong to everybody: a webhook must not reach into the platform's own network, nor into
// a cloud's metadata service. Lists: IANA's special-purpose registries (RFC 6890 and its successors).
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24],
  ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) special.addSubnet(network, prefix, 'ipv4'); // prettier-ignore

/** Of IPv6 only what is handed out to everybody is public, and of that not what carries or documents something else. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]] as const) special.addSubnet(network, prefix, 'ipv6'); // prettier-ignore

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** ::ffff:192.0.2.1 in any spelling is the IPv4 address that it holds: BlockList knows that by itself. Its neighbours are not. */
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

const family = (address: string) => (isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null);

/** True for an address that anybody may be sent to; with `loopback` also for this machine itself. */
export function isAllowedAddress(address: string, options: { loopback: boolean }): boolean {
  const kind = family(address);
  if (kind === null) return false;
  if (options.loopback && loopback.check(address, kind)) return true;
  if (special.check(address, kind)) return false;
  return kind === 'ipv4' || mapped.check(address, 'ipv6') || global6.check(address, 'ipv6');
}

/** Why a URL cannot be a webhook's, or null. Names are judged when they are resolved, at every connection. */
export function faultOfUrl(text: string, options: { loopback: boolean; httpsOnly: boolean }): string | null {
  // The parser would drop line breaks and tabs, and what is shown would not be what is called.
  if (!URL.canParse(text) || /[\s\p{Cc}]/u.test(text)) return 'takes a URL such as https://example.com/webhooks';
  const url = new URL(text);
  if (url.protocol !== 'https:' && (options.httpsOnly || url.protocol !== 'http:')) return 'takes an https:// URL';
  if (url.username !== '' || url.password !== '') return 'takes a URL without a name and a password';
  if (url.hash !== '') return 'takes a URL without a #fragment';
  const host = hostOf(url);
  if (family(host) !== null && !isAllowedAddress(host, options)) return 'takes an address that is not private';
  if (/(^|\.)localhost\.?$/.test(host) && !options.loopback) return 'takes an address that is not private';
  return null;
}

/** Without the brackets of IPv6. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');
