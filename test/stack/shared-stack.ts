// What the global setup hands to the suites, through the environment of jest's workers.
export const STACK_VARIABLE = 'TRANCHE_TEST_STACK';

export interface SharedStack {
  /** Superuser of the test cluster, on database `postgres`. */
  adminUrl: string;
  /** tranche_owner and tranche on the migrated template; suites clone it and never connect to it. */
  templateOwnerUrl: string;
  templateAppUrl: string;
  temporalAddress: string;
  /** File with the workflow bundle; absent while there are no workflows. */
  bundlePath: string | undefined;
}

export function publishSharedStack(stack: SharedStack): void {
  process.env[STACK_VARIABLE] = JSON.stringify(stack);
}

export function sharedStack(): SharedStack {
  const text = process.env[STACK_VARIABLE];
  if (text === undefined) {
    throw new Error('no shared stack: this test belongs to the `stack` project of jest.config.js');
  }
  return JSON.parse(text) as SharedStack;
}
