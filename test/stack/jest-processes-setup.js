// Gets the Temporal server before the first test of the `processes` project: building it may take minutes.
import { tsImport } from 'tsx/esm/api';

export default async function setup() {
  const { findTemporal } = await tsImport('../../sandbox/temporal.ts', import.meta.url);
  await findTemporal((line) => process.stderr.write(`${line}\n`));
}
