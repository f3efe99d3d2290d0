// What a person must do something about before a part can run: its message is one line that says what.
export class StartProblem extends Error {
  override name = 'StartProblem';
}
