// Run in a copy: brings the database of the first argument to the copy's schema.
import { migrate } from '../../db/migrate.ts';

await migrate(process.argv[2]!);
