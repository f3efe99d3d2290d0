// Run by temporal-binary.ts as its own process: lets the SDK download Temporal's release into the given directory.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: temporal-download.ts DIRECTORY');
try {
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: directory, version: 'default' } },
  });
  await environment.teardown();
  process.exit(0);
} catch (error) {
  console.error((error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' '));
  process.exit(1);
}
