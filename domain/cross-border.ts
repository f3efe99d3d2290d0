// Into which countries a platform may transfer to its sellers, by Stripe's rules for cross-border transfers without special terms.
import { RuleError } from './errors.ts';

const EEA = ['AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IS', 'IT', 'LI', 'LT', 'LU', 'LV', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK']; // prettier-ignore
/** Among these, both ways (Stripe, "Cross-border transfers": US, UK, EEA, Canada, Switzerland). */
const ACROSS: ReadonlySet<string> = new Set(['US', 'GB', 'CA', 'CH', ...EEA]);

/** True where a platform of the one country may transfer to a seller of the other. */
export const mayTransfer = (platformCountry: string, sellerCountry: string): boolean =>
  platformCountry === sellerCountry || (ACROSS.has(platformCountry) && ACROSS.has(sellerCountry));

/** @throws RuleError where the seller could never be paid: before anybody agrees or pays */
export function refuseAcrossBorder(platformCountry: string, sellerCountry: string, param: string): void {
  if (mayTransfer(platformCountry, sellerCountry)) return;
  throw new RuleError('cross_border_unsupported', `Stripe does not transfer from ${platformCountry}, where this platform is, to ${sellerCountry}, where this seller is: transfers cross borders only among the US, the UK, the EEA, Canada and Switzerland. Choose a seller in ${platformCountry}${ACROSS.has(platformCountry) ? ' or in one of those countries' : ''}.`, param); // prettier-ignore
}
