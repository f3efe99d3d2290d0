// What axe finds on a page, by all of its rules, in both themes.
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** What colours alone decide. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/**
 * Empty where there is nothing. A theme is colours of the same document, so that the page is not loaded again for the second,
 * and only what colours decide is looked at again; it is light afterwards. axe's legacy mode opens no second page for each
 * look, and sees less only of frames of other sites: a page that has any is refused.
 */
export async function violationsInBothThemes(page: Page): Promise<string[]> {
  if (page.frames().length > 1) throw new Error(`${page.url()} has frames: look at them without the legacy mode`);
  const found: string[] = [];
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
    if (theme === 'dark') axe.withRules(OF_COLOURS);
    const { violations } = await axe.analyze();
    found.push(...violations.map((v) => `${theme} ${new URL(page.url()).pathname}: ${v.id} at ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)); // prettier-ignore
  }
  return found;
}
