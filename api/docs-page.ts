// The API reference as plain pages, written from the OpenAPI document and the list of errors; nothing is loaded from elsewhere.
import { requestOf } from './examples.ts';
import type { OpenApiDocument } from './openapi.ts';
import { PROBLEMS } from './problem.ts';

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/** The little Markdown that descriptions use: `code`, *emphasis*, paragraphs. */
const words = (text: string): string =>
  escape(text)
    .split(/\n\n+/)
    .map((p) => `<p>${p.replace(/`([^`]+)`/g, '<code>$1</code>').replace(/\*([^*]+)\*/g, '<em>$1</em>')}</p>`)
    .join('');

const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--ink:#16202c;--accent:#0b5d66;--line:#d5dbe2;--soft:#f0f2f5}
@media(prefers-color-scheme:dark){:root{--ground:#11161c;--ink:#e8edf2;--accent:#6fd0d8;--line:#334050;--soft:#1f2832}}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1.5rem 1rem;background:var(--ground);color:var(--ink)}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{margin-bottom:.25rem}a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
code,pre{font:14px/1.45 ui-monospace,monospace;background:var(--soft);border-radius:4px}code{padding:.1em .3em}
pre{padding:.75rem;white-space:pre-wrap}code,pre,td,th{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;font-weight:400;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line)}
thead th{font-weight:600}.method{font-weight:600;text-transform:uppercase;margin-right:.5rem}details{margin:.5rem 0}summary{cursor:pointer;padding:.6rem 0}
@media(max-width:40rem){table,thead,tbody,tr,td,th{display:block;padding-right:0}td,tr th{border-bottom:0;padding-bottom:0}tr{border-bottom:1px solid var(--line);padding-bottom:.35rem}}
`;

const page = (title: string, content: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>${STYLE}</style></head><body><main>${content}</main></body></html>`;

interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  additionalProperties?: boolean | Schema;
  default?: unknown;
  pattern?: string;
}

interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema?: Schema;
    example?: unknown;
  }[];
  requestBody?: { content: Record<string, { schema?: Schema; example?: object }> };
  responses?: Record<string, { description: string; content?: Record<string, { schema?: Schema }> }>;
}

function typeOf(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!;
    return `<a href="#schema-${escape(name)}">${escape(name)}</a>`;
  }
  if (schema.enum) return schema.enum.map((value) => `<code>${escape(String(value))}</code>`).join(' | ');
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return [...new Set(variants.map(typeOf))].join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  return escape([schema.type ?? 'any'].flat().join(' | '));
}

function fields(schema: Schema | undefined): string {
  if (!schema?.properties) return schema ? `<p>${typeOf(schema)}</p>` : '';
  const rows = Object.entries(schema.properties).map(([name, field]) => {
    const needed = schema.required?.includes(name) ? '' : ' <small>optional</small>';
    const nested = (field.properties ?? field.items?.properties) ? fields(field.properties ? field : field.items) : '';
    const text = `${field.description ? escape(field.description) : ''}${nested}`;
    return `<tr><th scope="row"><code>${escape(name)}</code>${needed}</th><td>${typeOf(field)}</td><td>${text}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

/** A line for the shell, of the examples that stand in the document: the very request that test/examples sends. */
function exampleText(method: string, path: string, operation: Operation): string {
  const { address, mediaType, body } = requestOf(path, operation);
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = [`curl ${quoted(`$URL${address}`).replaceAll("'", '"')} -H "Authorization: Bearer $KEY"`];
  if (method === 'delete') lines[0] = lines[0]!.replace('curl', 'curl -X DELETE');
  if (method === 'post') {
    lines.push('-H "Idempotency-Key: $(uuidgen)"');
    if (mediaType === 'application/json') lines.push(`--json ${quoted(JSON.stringify(body, null, 2))}`);
    else lines.push(...Object.entries(body).map(([name, value]) => `-F ${quoted(`${name}=${name === 'file' ? '@' : ''}${String(value as string | number)}`)}`));
  }
  return `<pre>${escape(lines.join(' \\\n  '))}</pre>`;
} // prettier-ignore

function operationText(method: string, path: string, operation: Operation, refusals: Refusals): string {
  const parameters = (operation.parameters ?? []).map(
    (p) =>
      `<tr><th scope="row"><code>${escape(p.name)}</code>${p.required ? '' : ' <small>optional</small>'}</th><td>${escape(p.in)}</td><td>${typeOf(p.schema)}</td><td>${escape(p.description ?? '')}</td></tr>`,
  );
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const responses = Object.entries(operation.responses ?? {})
    .filter(([status, r]) => refusals.get(status) !== r.description)
    .map(([status, r]) => {
      const schema = Object.values(r.content ?? {})[0]?.schema;
      return `<tr><th scope="row">${escape(status)}</th><td>${typeOf(schema)}</td><td>${escape(r.description)}</td></tr>`;
    });
  const refused = Object.entries(operation.responses ?? {})
    .filter(([status, r]) => refusals.get(status) === r.description)
    .map(([status]) => status);
  return `<section id="${escape(operation.operationId ?? '')}"><h3>${escape(operation.summary ?? '')}</h3>
<pre><span class="method">${escape(method)}</span>${escape(path)}</pre>${words(operation.description ?? '')}
${parameters.length > 0 ? `<h4>Parameters</h4><table>${parameters.join('')}</table>` : ''}
${body ? `<h4>Body</h4>${fields(body)}` : ''}
<h4>Example</h4>${exampleText(method, path, operation)}
<h4>Answers</h4><table>${responses.join('')}</table><p>${refused.length > 0 ? `Refused with ${refused.join(', ')}: <a href="#refusals">what each says</a>.` : ''}</p></section>`;
}

/** What a status of refusal says of nearly every call: told once. By status. */
type Refusals = ReadonlyMap<string, string>;

function refusalsOf(operations: readonly Operation[]): Refusals {
  const said = new Map<string, number>();
  for (const { responses = {} } of operations) {
    for (const [status, { description }] of Object.entries(responses)) {
      if (Number(status) >= 400) said.set(`${status} ${description}`, (said.get(`${status} ${description}`) ?? 0) + 1);
    }
  }
  const often = [...said].sort((a, b) => a[1] - b[1]).map(([line]) => [line.slice(0, 3), line.slice(4)] as const);
  return new Map(often.sort(([a], [b]) => a.localeCompare(b)));
}

function refusalsText(refusals: Refusals): string {
  const rows = [...refusals].map(([status, says]) => `<tr><th scope="row">${status}</th><td>${escape(says)}</td></tr>`);
  return `<h2 id="refusals">Refusals</h2><p>What a call refuses is a <a href="#schema-Problem">Problem</a> with a code of the <a href="/docs/errors">list of errors</a>. Of each call the statuses are named; they say the same everywhere.</p>
<table>${rows.join('')}</table>`;
}

/** What webhooks carry, from the document's own list. */
function eventsText(document: OpenApiDocument): string {
  const webhooks = (document.webhooks ?? {}) as Record<string, { post: Operation }>;
  const rows = Object.entries(webhooks).map(([type, { post }]) => {
    const data = Object.values(post.requestBody?.content ?? {})[0]?.schema?.properties?.['data'];
    return `<tr><th scope="row"><code>${escape(type)}</code></th><td>${escape(post.summary ?? '')}</td><td>${typeOf(data)}</td></tr>`;
  });
  return `<h2 id="events">Events</h2><p>Of <code>GET /v1/events</code> and of webhooks, which carry the object <a href="#schema-Event">Event</a>.</p>
<table><thead><tr><th scope="col">Type</th><th scope="col">What happened</th><th scope="col">Its <code>data</code></th></tr></thead>${rows.join('')}</table>`;
}

export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
  );
  const refusals = refusalsOf(operations.map(({ operation }) => operation));
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? ''))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags?.[0] === tag);
    return `<h2>${escape(tag)}</h2>${own.map((o) => operationText(o.method, o.path, o.operation, refusals)).join('')}`;
  });
  const objects = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>).map(
    ([name, schema]) =>
      `<section id="schema-${escape(name)}"><h3>${escape(name)}</h3>${words(schema.description ?? '')}${fields(schema)}</section>`,
  );
  return page(
    'Tranche API',
    `<h1>Tranche API</h1>${words(document.info.description ?? '')}
<p>Version <code>${escape(document.info.version)}</code> · <a href="/openapi.json">OpenAPI 3.1</a> · <a href="/docs/errors">Errors</a></p>
<p>Send <code>Authorization: Bearer sk_tranche_…</code> with every request. Examples are run as tests; in them <code>$URL</code> is this address and <code>$KEY</code> your key.</p>${refusalsText(refusals)}${sections.join('')}${eventsText(document)}<h2>Objects</h2>${objects.join('')}`,
  );
}

export function errorsPage(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title, help }]) =>
      `<tr id="${escape(code)}"><th scope="row"><code>${escape(code)}</code></th><td>${status}</td><td>${escape(title)}</td><td>${words(help)}</td></tr>`,
  );
  return page('Errors of the Tranche API', `<h1>Errors</h1><p><a href="/docs">API reference</a></p><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">What it says</th><th scope="col">What to do</th></tr></thead>${rows.join('')}</table>`); // prettier-ignore
}
