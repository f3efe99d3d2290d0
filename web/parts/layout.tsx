// The frame of every page: head, navigation by role, one main part; and the page as text.
import type { Child } from 'hono/jsx';
import { assetPaths } from '../assets.ts';
import type { Reader } from '../reader.ts';
import { ROLE_WORDS } from '../status-words.ts';
import { Form } from './form.tsx';

interface LayoutProps {
  title: string;
  reader: Reader | null;
  /** The address of this page, to mark it in the navigation. */
  path?: string;
  /** Addresses of scripts that this page needs beside the common ones, in their order. */
  scripts?: readonly string[];
  children: Child;
}

type Links = readonly [path: string, label: string][];

const STAFF: Links = [
  ['/ops', 'Today'],
  ['/escrows', 'Escrows'],
  ['/ops/approvals', 'Approvals'],
  ['/ops/debts', 'Debts'],
  ['/ops/events', 'Events'],
  ['/ops/reconciliations', 'Reconciliation'],
  ['/ops/audit', 'Audit'],
  ['/ops/health', 'Health'],
  ['/ops/outbox', 'Outbox'],
];

const NAVIGATION: Record<Reader['person']['role'], Links> = {
  buyer: [
    ['/escrows', 'Escrows'],
    ['/escrows/new', 'New escrow'],
    ['/statements', 'Statements'],
    ['/invitations', 'Invite'],
  ],
  seller: [
    ['/escrows', 'Work'],
    ['/money', 'Money'],
    ['/escrows/new', 'New escrow'],
    ['/verification', 'Verification'],
    ['/statements', 'Statements'],
    ['/invitations', 'Invite'],
  ],
  ops: [...STAFF, ['/invitations', 'Invite']],
  auditor: STAFF,
};

/** No inline styles of htmx's own, and nothing evaluated: the content security policy forbids both. */
const HTMX = JSON.stringify({ includeIndicatorStyles: false, allowEval: false, historyCacheSize: 0 });

export function Layout({ title, reader, path, scripts = [], children }: LayoutProps) {
  return (
    <html lang={reader?.locale ?? 'en'}>
      <head>
        <meta charset="utf-8" />
        <title>{`${title} · Tranche`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content={HTMX} />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={assetPaths.stylesheet} />
        {reader === null ? null : (
          <>
            <script src={assetPaths.reader} defer></script>
            <script src={assetPaths.htmx} defer></script>
            <script src={assetPaths.sse} defer></script>
            {scripts.map((address) => (
              <script src={address} defer></script>
            ))}
          </>
        )}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="top">
          <a class="brand" href="/">
            Tranche
          </a>
          {reader === null ? null : <Navigation reader={reader} path={path} />}
        </header>
        <main id="main">{children}</main>
      </body>
    </html>
  );
}

function Navigation({ reader, path }: { reader: Reader; path: string | undefined }) {
  const { person } = reader;
  return (
    <>
      <div class="who">
        <a href="/notifications" {...(path === '/notifications' ? { 'aria-current': 'page' } : {})}>
          Notifications
        </a>
        <a href="/security" {...(path === '/security' ? { 'aria-current': 'page' } : {})}>
          Security
        </a>
        <a href="/api-keys" {...(path === '/api-keys' ? { 'aria-current': 'page' } : {})}>
          API
        </a>
        <span>
          {person.name} <span class="quiet">({ROLE_WORDS[person.role].toLowerCase()})</span>
        </span>
        <Form reader={reader} action="/sign-out">
          <button class="plain" type="submit">
            Sign out
          </button>
        </Form>
      </div>
      <nav aria-label="Main">
        <ul>
          {NAVIGATION[person.role].map(([to, label]) => (
            <li>
              <a href={to} {...(to === path ? { 'aria-current': 'page' } : {})}>
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}
