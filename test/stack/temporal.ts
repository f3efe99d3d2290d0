// The shared Temporal server. Suites keep apart by a task queue of their own.
import { randomBytes } from 'node:crypto';
import { sharedStack } from './shared-stack.ts';

export function temporalAddress(): string {
  return sharedStack().temporalAddress;
}

export const temporalNamespace = 'default';

export function uniqueTaskQueue(prefix = 'test'): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
