// One data converter for everything that speaks to Temporal: clients, worker, workflow bundle.
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { type CodecKey, EncryptionCodec } from './payload-codec.ts';

/** For `bundleWorkflowCode`: the workflow's side of the same converter. Absent without keys. */
export function failureConverterPath(keys: readonly CodecKey[]): string | undefined {
  return keys.length === 0 ? undefined : fileURLToPath(new URL('failure-converter.cjs', import.meta.url));
}

/** Empty without keys: payloads stay readable JSON. */
export function dataConverter(keys: readonly CodecKey[]): { dataConverter?: DataConverter } {
  const failures = failureConverterPath(keys);
  if (failures === undefined) return {};
  return { dataConverter: { payloadCodecs: [new EncryptionCodec(keys)], failureConverterPath: failures } };
}
