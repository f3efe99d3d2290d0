// What belongs together for whoever builds on the API: its keys, its events, the addresses that are told of them.
import type { Reader } from '../reader.ts';

const PAGES = [
  ['/api-keys', 'API keys'],
  ['/webhook-endpoints', 'Webhooks'],
  ['/events', 'Events'],
  ['/events/catalogue', 'Event catalogue'],
] as const;

export type DeveloperPath = (typeof PAGES)[number][0];

/** An auditor changes nothing, so nothing is sent for one. */
export const ownsEndpoints = (reader: Reader): boolean => reader.person.role !== 'auditor';

export function DeveloperTabs({ reader, at }: { reader: Reader; at: DeveloperPath | null }) {
  const pages = PAGES.filter(([path]) => path !== '/webhook-endpoints' || ownsEndpoints(reader));
  return (
    <nav class="tabs" aria-label="For developers">
      <ul>
        {pages.map(([path, label]) => (
          <li>
            <a href={path} {...(path === at ? { 'aria-current': 'page' } : {})}>
              {label}
            </a>
          </li>
        ))}
        <li>
          <a href="/docs">API reference</a>
        </li>
      </ul>
    </nav>
  );
}
