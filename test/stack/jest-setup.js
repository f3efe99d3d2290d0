// Jest loads its global setup with plain Node: this turns TypeScript on and hands over to global-setup.ts.
import { tsImport } from 'tsx/esm/api';

export default async function setup(globalConfig) {
  // Whoever runs jest over and over (npm run mutate) shares one stack among all runs.
  if (process.env.TRANCHE_TEST_STACK) return;
  const { startSharedStack } = await tsImport('./global-setup.ts', import.meta.url);
  globalThis.stopSharedStack = await startSharedStack(globalConfig);
}
