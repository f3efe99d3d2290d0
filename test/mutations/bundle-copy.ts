// Run in a copy: bundles the copy's workflows into the file of the first argument.
import { writeBundle } from '../stack/global-setup.ts';

await writeBundle(process.argv[2]!);
