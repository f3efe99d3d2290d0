// Of the `stack` project, for each file of tests.
import { checkAfterEachTest } from './each-step.ts';

checkAfterEachTest();
