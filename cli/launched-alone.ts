// Loaded before a part that npm runs alone (`npm run api`, `worker`, `sandbox`): when npm has been ended, the part is asked to stop.
import { whenLauncherEnds } from './launcher-watch.ts';

whenLauncherEnds(() => process.kill(process.pid, 'SIGTERM'));
