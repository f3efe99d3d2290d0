// Jest loads its global setup with plain Node: this turns TypeScript on and hands over to global-setup.ts.
import { tsImport } from 'tsx/esm/api';

export default async function setup(globalConfig) {
  const { startSharedStack } = await tsImport('./global-setup.ts', import.meta.url);
  globalThis.stopSharedStack = await startSharedStack(globalConfig);
}
