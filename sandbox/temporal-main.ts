// The embedded Temporal server as a process of its own, under the supervisor.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runEmbedded } from './embedded-main.ts';
import { findTemporal, startTemporal } from './temporal.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    'ui-port': { type: 'string' },
    'codec-endpoint': { type: 'string' },
    data: { type: 'string' },
    namespace: { type: 'string', default: 'default' },
  },
});
const { port, data, namespace, 'ui-port': uiPort, 'codec-endpoint': codecEndpoint } = values;
if (port === undefined || data === undefined) throw new Error('usage: temporal-main --port P [--ui-port U] --data DIR');

await runEmbedded(
  async (onProgress) => {
    const binary = await findTemporal(onProgress);
    return startTemporal({
      binary: binary.path,
      port: Number(port),
      uiPort: uiPort === undefined ? undefined : Number(uiPort),
      codecEndpoint,
      dataDir: data,
      namespace,
      logFile: path.join(data, 'logs', 'temporal-server.log'),
    });
  },
  (server) => ({
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: server.namespace,
    ...(server.uiUrl === undefined ? {} : { TEMPORAL_UI_URL: server.uiUrl }),
  }),
);
