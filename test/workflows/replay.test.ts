// Every stored history fits the present workflow code, and one that does not is found. After a change that is meant to
// change them: RECORD_HISTORIES=1 npx jest --selectProjects stack test/workflows --maxWorkers 1
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Runtime } from '@temporalio/worker';
import { replay, type Replayed, storedHistories, type StoredHistory } from '../../cli/replay.ts';
import { workflowBundle } from '../stack/bundle.ts';

async function replayed(histories: StoredHistory[]): Promise<Replayed[]> {
  const results: Replayed[] = [];
  for await (const result of replay({ workflowBundle: workflowBundle() }, histories)) results.push(result);
  return results;
}

interface Event {
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
}

beforeAll(() => {
  // The history that must not fit would warn on the console.
  Runtime.install({
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
});

describe('stored histories', () => {
  const histories = storedHistories();

  test('there are some of every kind, and all of them replay', async () => {
    expect(histories.length).toBeGreaterThanOrEqual(12);
    expect((await replayed(histories)).filter((r) => r.error !== null)).toEqual([]);
  });

  test('a history of other code is found', async () => {
    const [first] = histories.filter((h) => JSON.stringify(h.history).includes('transferToSeller'));
    const changed = structuredClone(first!);
    const events = changed.history.events as Event[];
    const scheduled = events.find((e) => e.activityTaskScheduledEventAttributes?.activityType.name === 'transferToSeller')!; // prettier-ignore
    scheduled.activityTaskScheduledEventAttributes!.activityType.name = 'payTheSeller';
    const [result] = await replayed([changed]);
    expect(result!.error).toMatch(/payTheSeller|nondeterminism/i);
  });

  test('they name no machine and no person', () => {
    for (const { history } of histories) {
      expect(JSON.stringify(history)).not.toMatch(
        /"\d+@|@[\w-]+\.(test|com|local)|"identity":"(?!recorded)|\/home\/|node_modules/,
      );
    }
  });
});
