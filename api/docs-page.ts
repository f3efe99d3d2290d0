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
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent);--soft:color-mix(in srgb,currentColor 6%,transparent)}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{margin-bottom:.25rem}
code,pre{font:14px/1.45 ui-monospace,monospace;background:var(--soft);border-radius:4px}code{padding:.1em .3em}pre{padding:.75rem;overflow:auto}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line)}
.method{font-weight:600;text-transform:uppercase;margin-right:.5rem}details{margin:.5rem 0}summary{cursor:pointer;min-height:2rem}
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
    return `<tr><td><code>${escape(name)}</code>${needed}</td><td>${typeOf(field)}</td><td>${text}</td></tr>`;
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

function operationText(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    (p) =>
      `<tr><td><code>${escape(p.name)}</code>${p.required ? '' : ' <small>optional</small>'}</td><td>${escape(p.in)}</td><td>${typeOf(p.schema)}</td><td>${escape(p.description ?? '')}</td></tr>`,
  );
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const responses = Object.entries(operation.responses ?? {}).map(([status, r]) => {
    const schema = Object.values(r.content ?? {})[0]?.schema;
    return `<tr><td>${escape(status)}</td><td>${typeOf(schema)}</td><td>${escape(r.description)}</td></tr>`;
  });
  return `<section id="${escape(operation.operationId ?? '')}"><h3>${escape(operation.summary ?? '')}</h3>
<pre><span class="method">${escape(method)}</span>${escape(path)}</pre>${words(operation.description ?? '')}
${parameters.length > 0 ? `<h4>Parameters</h4><table>${parameters.join('')}</table>` : ''}
${body ? `<h4>Body</h4>${fields(body)}` : ''}
<h4>Example</h4>${exampleText(method, path, operation)}
<details><summary>Answers</summary><table>${responses.join('')}</table></details></section>`;
}

/** What webhooks carry, from the document's own list. */
function eventsText(document: OpenApiDocument): string {
  const webhooks = (document.webhooks ?? {}) as Record<string, { post: Operation }>;
  const rows = Object.entries(webhooks).map(([type, { post }]) => {
    const data = Object.values(post.requestBody?.content ?? {})[0]?.schema?.properties?.['data'];
    return `<tr><td><code>${escape(type)}</code></td><td>${escape(post.summary ?? '')}</td><td>${typeOf(data)}</td></tr>`;
  });
  return `<h2 id="events">Events</h2><p>Of <code>GET /v1/events</code> and of webhooks, which carry the object <a href="#schema-Event">Event</a>.</p>
<table><tr><th>Type</th><th>What happened</th><th>Its <code>data</code></th></tr>${rows.join('')}</table>`;
}

export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? ''))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags?.[0] === tag);
    return `<h2>${escape(tag)}</h2>${own.map((o) => operationText(o.method, o.path, o.operation)).join('')}`;
  });
  const objects = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>).map(
    ([name, schema]) =>
      `<section id="schema-${escape(name)}"><h3>${escape(name)}</h3>${words(schema.description ?? '')}${fields(schema)}</section>`,
  );
  return page(
    'Tranche API',
    `<h1>Tranche API</h1>${words(document.info.description ?? '')}
<p>Version <code>${escape(document.info.version)}</code> · <a href="/openapi.json">OpenAPI 3.1</a> · <a href="/docs/errors">Errors</a></p>
<p>Send <code>Authorization: Bearer sk_tranche_…</code> with every request. Examples are run as tests; in them <code>$URL</code> is this address and <code>$KEY</code> your key.</p>${sections.join('')}${eventsText(document)}<h2>Objects</h2>${objects.join('')}`,
  );
}

export function errorsPage(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title, help }]) =>
      `<tr id="${escape(code)}"><td><code>${escape(code)}</code></td><td>${status}</td><td>${escape(title)}</td><td>${words(help)}</td></tr>`,
  );
  return page('Errors of the Tranche API', `<h1>Errors</h1><p><a href="/docs">API reference</a></p><table>${rows.join('')}</table>`); // prettier-ignore
}
