// The content security policy of pages: only what they use. Stripe's own script is let in on the page where a card is entered,
// and nowhere else (its list: docs.stripe.com/security/guide#content-security-policy).
import type { Settings } from '../config/settings.ts';

const STRIPE = {
  'script-src': ['https://js.stripe.com', 'https://*.js.stripe.com'],
  'frame-src': ['https://js.stripe.com', 'https://*.js.stripe.com', 'https://hooks.stripe.com'],
  'connect-src': ['https://api.stripe.com'],
};

const CHECKOUT = 'https://checkout.stripe.com';

/** Where a form may lead a buyer who pays on Stripe's own page; elsewhere (a domain of the platform's own) by a link. */
export const isStripesPage = (settings: Pick<Settings, 'mode' | 'stripe'>, url: string): boolean =>
  URL.canParse(url) &&
  new URL(url).origin ===
    (settings.mode === 'sandbox' ? new URL(settings.stripe.apiBase ?? CHECKOUT).origin : CHECKOUT);

/** The header's value. Forms may lead to Stripe: a browser asks form-action for the redirect after a form too. */
export function contentPolicy(settings: Pick<Settings, 'mode' | 'stripe'>, page: { payment: boolean } = { payment: false }): string {
  const pages = settings.mode === 'sandbox' ? [settings.stripe.apiBase ?? ''] : ['https://connect.stripe.com', CHECKOUT];
  const directives: Record<string, string[]> = {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'data:'],
    'connect-src': ["'self'"],
    'form-action': ["'self'", ...pages],
    'base-uri': ["'none'"],
    'frame-ancestors': ["'none'"],
  };
  if (page.payment) {
    for (const [name, sources] of Object.entries(STRIPE)) directives[name] = [...(directives[name] ?? []), ...sources];
  }
  return Object.entries(directives).map(([name, sources]) => `${name} ${sources.join(' ')}`.trim()).join('; ');
} // prettier-ignore
