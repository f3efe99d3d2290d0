// The API of Tranche for programs: a method for each operation of docs/openapi.json, with its types. It needs nothing but
// Node 20 or a browser's fetch, so that the folder can be copied.
import { type Lists, OPERATIONS, type Operations } from './generated.ts';
import { type CallOptions, type ClientOptions, request } from './http.ts';

export * from './generated.ts';
export { ApiError, NoAnswerError, type CallOptions, type ClientOptions } from './http.ts';

export interface Tranche extends Operations {
  /** Everything of a list, page after page, fetched as it is asked for: `for await (const e of tranche.each('listEscrows'))`. */
  each<L extends keyof Lists>(
    list: L,
    input?: Lists[L]['input'],
    options?: CallOptions,
  ): AsyncGenerator<Lists[L]['item'], void, undefined>;
}

interface Operation {
  method: string;
  path: string;
  query?: readonly string[];
  multipart?: boolean;
  /** Answers a file. */
  binary?: boolean;
  /** Of a list: the member that the next page is asked with. */
  cursor?: string;
}

type Input = Record<string, unknown> & { body?: object };
type Page = { data: Record<string, unknown>[]; has_more: boolean };

export function createClient(options: ClientOptions): Tranche {
  const call = async (operation: Operation, input: Input, own?: CallOptions): Promise<unknown> => {
    const path = addressOf(operation, input);
    const body = operation.method === 'POST' ? (input.body ?? {}) : undefined;
    const read = async (response: Response): Promise<unknown> => {
      if (operation.binary) return response.blob();
      return response.status === 204 ? undefined : response.json();
    };
    return request(options, { method: operation.method, path, body, multipart: operation.multipart }, read, own);
  };
  async function* each(list: keyof Lists, input: Input = {}, own?: CallOptions): AsyncGenerator<unknown, void, undefined> {
    const operation: Operation = OPERATIONS[list];
    let from = input['starting_after'];
    for (;;) {
      const { data, has_more: more } = (await call(operation, { limit: 100, ...input, starting_after: from }, own)) as Page; // prettier-ignore
      yield* data;
      from = data.at(-1)?.[operation.cursor!];
      if (!more || from === undefined) return;
    }
  } // prettier-ignore
  const methods = Object.entries(OPERATIONS).map(([name, operation]: [string, Operation]) => {
    return [name, (input: Input = {}, own?: CallOptions) => call(operation, input, own)] as const;
  });
  return { ...Object.fromEntries(methods), each } as unknown as Tranche;
}

function addressOf({ path, query = [] }: Operation, input: Input): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const value = input[name];
    // Without this an id that is missing would call another address.
    if (value === undefined || value === null || value === '' || value === '.' || value === '..') throw new TypeError(`${path} needs ${name}`); // prettier-ignore
    return encodeURIComponent(String(value as string | number));
  });
  const asked = new URLSearchParams();
  for (const name of query) {
    const value = input[name];
    if (value !== undefined && value !== null) asked.set(name, String(value as string | number | boolean));
  }
  return asked.size === 0 ? filled : `${filled}?${asked.toString()}`;
}
