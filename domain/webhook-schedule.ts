// When a webhook that was not taken is tried again: the schedule that Standard Webhooks proposes, 75 hours and a half in all.
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Before each try, milliseconds. */
export const WEBHOOK_DELAYS_MS: readonly number[] = [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]; // prettier-ignore

/** How long a replaced secret goes on signing, unless its owner says otherwise; and the longest that they may say. */
export const SECRET_OVERLAP_MS = { usual: 24 * HOUR, most: 7 * 24 * HOUR };
