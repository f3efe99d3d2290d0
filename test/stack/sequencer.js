// Order of test files: unit tests first, so that a broken rule is named before anything slow has run; whole processes last.
import sequencer from '@jest/test-sequencer';

// The package is CommonJS with a `default`; which of the two Node hands over depends on how jest loads this file.
const Sequencer = sequencer.default ?? sequencer;

const order = ['unit', 'stack', 'processes'];

export default class UnitFirst extends Sequencer {
  sort(tests) {
    const rank = (test) => order.indexOf(test.context.config.displayName?.name);
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
}
