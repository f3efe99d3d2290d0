// Stripe's Payment Element on the payment page. Card details go from the buyer's browser to Stripe alone; this page never sees
// them. Whatever does not load is said, and nothing is charged by it.
(() => {
  const root = document.getElementById('stripe-pay');
  if (!root) return;
  const form = root.querySelector('form');
  const button = root.querySelector('button');
  const message = document.getElementById('stripe-message');
  const loading = document.getElementById('stripe-loading');
  const failed = document.getElementById('stripe-failed');
  const SLOW_MS = 20_000;

  const fail = () => {
    loading.hidden = true;
    form.hidden = true;
    failed.hidden = false;
  };
  const say = (text) => {
    message.textContent = text;
    message.hidden = text === '';
    if (text !== '') message.focus();
  };

  if (typeof window.Stripe !== 'function') return fail();
  const { publishableKey, clientSecret, returnUrl, locale } = root.dataset;
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  const stripe = window.Stripe(publishableKey, { locale });
  const elements = stripe.elements({ clientSecret, appearance: { theme: dark ? 'night' : 'stripe' } });
  const element = elements.create('payment');
  loading.hidden = false;
  const slow = setTimeout(fail, SLOW_MS);
  element.on('ready', () => {
    clearTimeout(slow);
    loading.hidden = true;
    failed.hidden = true;
    form.hidden = false;
    button.disabled = false;
  });
  element.on('loaderror', () => {
    clearTimeout(slow);
    fail();
  });
  element.mount('#payment-element');

  const pay = async () => {
    button.disabled = true;
    say('');
    try {
      const { error } = await stripe.confirmPayment({ elements, confirmParams: { return_url: returnUrl } });
      // Without an error the browser is on its way to the return address.
      if (error) say(error.message || 'The payment was not made. Check what you typed, or choose another way to pay.');
    } catch {
      say('We could not reach Stripe. If the payment was made all the same, this page says so when you load it again.');
    } finally {
      button.disabled = false;
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void pay();
  });
})();
