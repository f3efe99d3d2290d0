// Reads the type declarations of the `stripe` package: which properties each object has, of which type, and which are
// not optional. TypeScript 7 has no JavaScript API, and the declarations are regular enough for a small parser.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export type Type =
  | { kind: 'primitive'; name: string }
  | { kind: 'literal'; value: string | number | boolean }
  | { kind: 'array'; of: Type }
  | { kind: 'union'; of: Type[] }
  | { kind: 'both'; of: Type[] }
  | { kind: 'name'; path: string[]; args: Type[] }
  | { kind: 'object'; members: Member[]; index: Type | null };
export type Member = { name: string; optional: boolean; type: Type };
export type Declaration = {
  /** File and qualified name: unique. */
  id: string;
  file: string;
  space: string[];
  name: string;
  parents: Type[];
  body: Type;
};

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*|-?\d[\d._]*|=>|\.\.\.|\S/g;

function tokens(text: string): string[] {
  return (text.match(TOKEN) ?? []).filter((token) => !token.startsWith('/*') && !token.startsWith('//'));
}

class Parser {
  private at = 0;
  private readonly all: string[];
  private readonly file: string;
  readonly found: Declaration[] = [];
  readonly imports = new Map<string, { file: string; name: string }>();

  constructor(file: string, text: string) {
    this.file = file;
    this.all = tokens(text);
    while (this.at < this.all.length) this.statement([]);
  }

  private peek(): string {
    return this.all[this.at] ?? '';
  }

  private take(): string {
    this.at += 1;
    return this.all[this.at - 1] ?? '';
  }

  private skip(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at += 1;
    return true;
  }

  /** Past the brackets that open here. */
  private leap(): void {
    let depth = 0;
    do {
      const token = this.take();
      if ('{(['.includes(token)) depth += 1;
      else if ('})]'.includes(token)) depth -= 1;
    } while (depth > 0 && this.at < this.all.length);
  }

  /** Past one token, or past what it opens. */
  private over(): void {
    if ('{(['.includes(this.peek())) this.leap();
    else this.at += 1;
  }

  private statement(space: string[]): void {
    while (this.skip('export') || this.skip('declare') || this.skip('default') || this.skip('abstract'));
    const word = this.take();
    if (word === 'interface') this.interface(space);
    else if (word === 'type') this.alias(space);
    else if (word === 'namespace') {
      const name = this.take();
      this.skip('{');
      while (!this.skip('}')) this.statement([...space, name]);
    } else if (word === 'import') this.import();
    else if (word === 'class' || word === 'function' || word === 'enum') {
      while (this.peek() !== '{' && this.peek() !== ';' && this.at < this.all.length) this.at += 1;
      if (!this.skip(';')) this.leap();
    } else {
      while (this.at < this.all.length && this.peek() !== ';') this.over();
      this.skip(';');
    }
  }

  private import(): void {
    const named: [string, string][] = [];
    if (this.skip('{')) {
      while (!this.skip('}')) {
        const name = this.take();
        named.push([this.skip('as') ? this.take() : name, name]);
        this.skip(',');
      }
    }
    while (this.peek() !== ';' && !/^['"]/.test(this.peek())) this.at += 1;
    const from = this.take().slice(1, -1);
    this.skip(';');
    if (!from.startsWith('.')) return;
    const file = path.join(path.dirname(this.file), from.replace(/\.js$/, '.d.ts'));
    for (const [local, name] of named) this.imports.set(local, { file, name });
  }

  private declare(space: string[], name: string, parents: Type[], body: Type): void {
    const id = `${this.file}#${[...space, name].join('.')}`;
    this.found.push({ id, file: this.file, space, name, parents, body });
  }

  private interface(space: string[]): void {
    const name = this.take();
    if (this.peek() === '<') while (this.take() !== '>');
    const parents: Type[] = [];
    if (this.skip('extends')) {
      do parents.push(this.primary());
      while (this.skip(','));
    }
    this.declare(space, name, parents, this.object());
  }

  private alias(space: string[]): void {
    const name = this.take();
    if (this.peek() === '<') while (this.take() !== '>');
    this.skip('=');
    this.declare(space, name, [], this.type());
    this.skip(';');
  }

  private object(): Type {
    this.skip('{');
    const members: Member[] = [];
    let index: Type | null = null;
    while (!this.skip('}')) {
      this.skip('readonly');
      if (this.peek() === '[') {
        this.leap();
        this.skip(':');
        index = this.type();
      } else {
        const name = this.take().replace(/^['"]|['"]$/g, '');
        const optional = this.skip('?');
        if (this.peek() === '(' || this.peek() === '<') {
          // A method, which no answer carries.
          while (this.peek() !== ';' && this.peek() !== '}') this.over();
        } else {
          this.skip(':');
          members.push({ name, optional, type: this.type() });
        }
      }
      if (!this.skip(';')) this.skip(',');
    }
    return { kind: 'object', members, index };
  }

  private type(): Type {
    this.skip('|');
    const of = [this.meet()];
    while (this.skip('|')) of.push(this.meet());
    return of.length === 1 && of[0] ? of[0] : { kind: 'union', of };
  }

  private meet(): Type {
    const of = [this.primary()];
    while (this.skip('&')) of.push(this.primary());
    return of.length === 1 && of[0] ? of[0] : { kind: 'both', of };
  }

  private primary(): Type {
    let type = this.atom();
    while (this.peek() === '[' && this.all[this.at + 1] === ']') {
      this.at += 2;
      type = { kind: 'array', of: type };
    }
    return type;
  }

  private atom(): Type {
    const token = this.peek();
    if (token === '{') return this.object();
    if (token === '(') {
      this.take();
      const inner = this.type();
      this.skip(')');
      return inner;
    }
    this.take();
    if (/^['"]/.test(token)) return { kind: 'literal', value: token.slice(1, -1) };
    if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) };
    if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' };
    if (/^(string|number|boolean|null|undefined|unknown|any|never|void|bigint)$/.test(token)) {
      return { kind: 'primitive', name: token };
    }
    const names = [token];
    while (this.skip('.')) names.push(this.take());
    const args: Type[] = [];
    if (this.skip('<')) {
      do args.push(this.type());
      while (this.skip(','));
      this.skip('>');
    }
    if (token === 'Array' && args[0]) return { kind: 'array', of: args[0] };
    return { kind: 'name', path: names, args };
  }
}

/** All declarations of the package's resources, and how a name in one of them is found. */
export class Declarations {
  private readonly byId = new Map<string, Declaration>();
  private readonly imports = new Map<string, Map<string, { file: string; name: string }>>();
  /** By the literal of their `object` property, resources first declared first. */
  readonly byObject = new Map<string, Declaration[]>();
  /** v2's events, by their type: each has members of its own. */
  readonly byEventType = new Map<string, Declaration>();

  constructor() {
    const entry = createRequire(import.meta.url).resolve('stripe');
    const root = path.join(entry.slice(0, entry.lastIndexOf(`${path.sep}cjs${path.sep}`)), 'esm');
    const files = readdirSync(path.join(root, 'resources'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.d.ts') && !name.endsWith('index.d.ts'))
      .map((name) => path.join(root, 'resources', name));
    for (const file of [...files, path.join(root, 'shared.d.ts'), path.join(root, 'lib.d.ts')]) {
      const parser = new Parser(file, readFileSync(file, 'utf8'));
      this.imports.set(file, parser.imports);
      for (const declaration of parser.found) {
        if (!this.byId.has(declaration.id)) this.byId.set(declaration.id, declaration);
        const type = literal(declaration, 'type');
        if (type?.startsWith('v2.') && isEvent(declaration)) this.byEventType.set(type, declaration);
        const object = literal(declaration, 'object');
        if (object === null || declaration.space.length > 0) continue;
        this.byObject.set(object, [...(this.byObject.get(object) ?? []), declaration]);
      }
    }
  }

  /** The declaration that `names` means inside `from`. */
  find(names: readonly string[], from: Declaration): Declaration | null {
    const around = [...from.space, from.name];
    for (let depth = around.length; depth >= 0; depth -= 1) {
      const found = this.byId.get(`${from.file}#${[...around.slice(0, depth), ...names].join('.')}`);
      if (found) return found;
    }
    const imported = this.imports.get(from.file)?.get(names[0] ?? '');
    if (!imported) return null;
    return this.byId.get(`${imported.file}#${[imported.name, ...names.slice(1)].join('.')}`) ?? null;
  }

  /** Its own members and its parents'. */
  members(declaration: Declaration): { members: Member[]; index: Type | null } | null {
    const { body, parents } = declaration;
    if (body.kind !== 'object') return null;
    const merged = new Map<string, Member>();
    for (const parent of parents) {
      const above = parent.kind === 'name' ? this.find(parent.path, declaration) : null;
      for (const member of (above && this.members(above)?.members) ?? []) merged.set(member.name, member);
    }
    for (const member of body.members) merged.set(member.name, member);
    return { members: [...merged.values()], index: body.index };
  }
}

function isEvent({ parents }: Declaration): boolean {
  return parents.some((parent) => parent.kind === 'name' && parent.path.at(-1) === 'EventBase');
}

function literal({ body }: Declaration, member: string): string | null {
  const type = body.kind === 'object' ? body.members.find(({ name }) => name === member)?.type : undefined;
  return type?.kind === 'literal' && typeof type.value === 'string' ? type.value : null;
}
