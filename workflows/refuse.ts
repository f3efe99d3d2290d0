import { ApplicationFailure } from '@temporalio/workflow';
import type { Refusal } from '../domain/transitions.ts';
import { REFUSED } from './messages.ts';

/** Ends an update with what the table said: its caller gets code, message and details, and the workflow goes on. */
export function refuse(refusal: Refusal): never {
  throw ApplicationFailure.create({ message: refusal.message, type: REFUSED, nonRetryable: true, details: [refusal] });
}
