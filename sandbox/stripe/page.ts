// The sandbox's pages: what is in it (`/`), the onboarding of a connected account, and the bank's page for SCA.
import { onboard } from './core/accounts.ts';
import { checkoutFollows, payCheckout } from './core/checkout.ts';
import { StripeError } from './core/errors.ts';
import { text, word } from './core/json.ts';
import type { Json } from './core/json.ts';
import { authenticate } from './core/payment-attempts.ts';
import { present } from './core/render.ts';
import type { TableName } from './core/store.ts';
import { findIntent } from './control.ts';
import type { ControlParts } from './control.ts';

export type PageAnswer = { status: number; html?: string; location?: string };

export function escape(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1f36;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;font-variant-numeric:tabular-nums}
th{font-weight:600;color:#4f566b}code{font:13px ui-monospace,monospace}h2{margin-top:2rem}button{font:inherit;padding:.5rem 1rem;margin-right:.5rem;border:1px solid #635bff;border-radius:6px;background:#635bff;color:#fff;cursor:pointer}
button.second{background:#fff;color:#635bff}.bad{color:#b3093c}`;

function layout(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style></head><body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const cells = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('');
  return `<table><thead><tr>${head.map((name) => `<th scope="col">${escape(name)}</th>`).join('')}</tr></thead><tbody>${cells}</tbody></table>`;
}

const code = (value: Json | undefined): string => `<code>${escape(value === null ? '' : word(value))}</code>`;
const NEWEST = 15;
const SHOWN: readonly TableName[] = [
  'payment_intent',
  'charge',
  'transfer',
  'refund',
  'dispute',
  'payout',
  'topup',
  'account',
];

export function statusPage(parts: ControlParts): string {
  const { world } = parts.sandbox.machine;
  const { store } = world;
  const balances = [...store.all('balance_row')].map((row) => [
    code(row._account),
    escape(row.currency),
    String(row.available),
    String(row.pending),
  ]);
  const objects = SHOWN.map((name) => {
    const rows = [...store.all(name)].slice(-NEWEST).reverse();
    const lines = rows.map((row) => {
      const shown = present(world, row);
      return [
        code(row.id),
        shown.amount === undefined ? '' : `${word(shown.amount)} ${escape(text(shown.currency) ?? '')}`,
        escape(text(shown.status) ?? (name === 'account' ? `transfers ${word(row._transfers)}` : '')),
        code(shown.transfer_group),
        new Date(row.created * 1000).toISOString(),
      ];
    });
    return `<h2>${escape(name.replaceAll('_', ' '))} (${store.count(name)})</h2>${table(['id', 'amount', 'status', 'group', 'created'], lines)}`;
  });
  const events = [...store.all('event')]
    .slice(-2 * NEWEST)
    .reverse()
    .map((event) => [
      code(event.id),
      escape(event.type),
      code(event._account),
      store
        .by('delivery', '_event', event.id)
        .map((d) => `${escape(d._state)} (${d._attempts}${d._last_status === null ? '' : `, ${d._last_status}`})`)
        .join(', '),
    ]);
  const faults = parts.faults.standing.map((fault) => [
    escape(fault.kind),
    escape(`${fault.method ?? 'any'} ${fault.path}`),
    String(fault.status),
    escape(fault.effect),
    String(fault.left),
  ]);
  const hooks = Object.entries(parts.webhooks.faults)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  return layout(
    'Stripe sandbox',
    `<p>Clock: ${new Date(parts.sandbox.now()).toISOString()} (wall time + ${Math.round(parts.sandbox.offset() / 1000)} s). Webhooks: ${escape(hooks)}.</p>
<h2>Balances (minor units)</h2>${table(['account', 'currency', 'available', 'pending'], balances)}
<h2>Faults in force</h2>${table(['kind', 'match', 'status', 'effect', 'left'], faults)}
<h2>Events and deliveries</h2>${table(['id', 'type', 'account', 'deliveries'], events)}
${objects.join('')}`,
  );
}

export function onboardingPage(parts: ControlParts, id: string, submitted: boolean): PageAnswer {
  const { sandbox } = parts;
  const link = sandbox.machine.world.store.get('account_link', id);
  if (!link) return { status: 404, html: layout('Onboarding', '<p>There is no such link.</p>') };
  const expired = Number(link.expires_at) * 1000 < sandbox.now() || link.used === true;
  const refresh = text(link.refresh_url);
  if (expired && refresh !== null) return { status: 303, location: refresh };
  const accountId = text(link.account) ?? '';
  if (submitted) {
    sandbox.control((world) => {
      const account = world.store.get('account', accountId);
      if (account) onboard(world, account);
      world.store.patch('account_link', id, { used: true });
    });
    const back = text(link.return_url);
    if (back !== null) return { status: 303, location: back };
    return { status: 200, html: layout('Onboarding', '<p>Done: this account can receive transfers now.</p>') };
  }
  return {
    status: 200,
    html: layout(
      'Onboarding (sandbox)',
      `<p>Account ${code(accountId)}. Nobody is verified here: one click gives it a test bank account, accepts the terms and turns transfers on.</p>
<form method="post"><button type="submit">Complete onboarding</button></form>`,
    ),
  };
}

export function authenticationPage(parts: ControlParts, id: string, submitted: 'complete' | 'fail' | null): PageAnswer {
  const { sandbox } = parts;
  const intent = sandbox.machine.world.store.get('payment_intent', id);
  if (!intent) return { status: 404, html: layout('Authentication', '<p>There is no such payment.</p>') };
  if (submitted !== null) {
    try {
      sandbox.control((world) => {
        const current = findIntent(world, id);
        return world.as(current._account, () =>
          checkoutFollows(world, authenticate(world, current, submitted === 'complete')),
        );
      });
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
    }
    const back = intent._return_url;
    if (back === null) return { status: 200, html: layout('Authentication', '<p>Done. You can close this page.</p>') };
    const target = new URL(back);
    target.searchParams.set('payment_intent', id);
    target.searchParams.set('payment_intent_client_secret', text(intent.client_secret) ?? '');
    target.searchParams.set('redirect_status', submitted === 'complete' ? 'succeeded' : 'failed');
    return { status: 303, location: target.toString() };
  }
  return {
    status: 200,
    html: layout(
      'Your bank asks (sandbox)',
      `<p>Payment of ${intent.amount} ${escape(intent.currency)} (minor units), ${code(id)}.</p>
<form method="post"><button name="result" value="complete">Complete authentication</button><button class="second" name="result" value="fail">Fail authentication</button></form>`,
    ),
  };
}

const METHODS = [
  ['pm_card_visa', 'Card that works'],
  ['pm_card_chargeDeclined', 'Card that is declined'],
  ['pm_card_authenticationRequired', 'Card that asks for authentication'],
  ['pm_card_createDispute', 'Card that is disputed at once'],
] as const;

/** The hosted page of a checkout session. */
export function checkoutPage(parts: ControlParts, id: string, method: string | null): PageAnswer {
  const { sandbox } = parts;
  const session = sandbox.machine.world.store.get('checkout_session', id);
  if (!session) return { status: 404, html: layout('Checkout', '<p>There is no such session.</p>') };
  let problem = '';
  if (method !== null) {
    try {
      const paid = sandbox.control((world) => world.as(session._account, () => payCheckout(world, session, method)));
      const action = sandbox.machine.world.store.get('payment_intent', text(paid.payment_intent) ?? '');
      if (action?.status === 'requires_action') return { status: 303, location: `/_sandbox/authenticate/${action.id}` };
      const back = text(paid.success_url)?.replace('{CHECKOUT_SESSION_ID}', id);
      return back === undefined
        ? { status: 200, html: layout('Checkout', '<p>Paid.</p>') }
        : { status: 303, location: back };
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      problem = `<p class="bad" role="alert">${escape(error.message)}</p>`;
    }
  }
  const buttons = METHODS.map(([name, label]) => `<button name="method" value="${name}">${label}</button>`).join('');
  return {
    status: 200,
    html: layout(
      'Checkout (sandbox)',
      `${problem}<p>Total ${word(session.amount_total)} ${escape(word(session.currency))} (minor units).</p><form method="post">${buttons}</form>`,
    ),
  };
}
