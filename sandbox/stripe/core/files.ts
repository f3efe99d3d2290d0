// Uploaded files and their links: evidence for disputes. The content is kept, and served at its link.
import { invalid } from './errors.ts';
import { integer, isObject, object, text } from './json.ts';
import type { JsonObject } from './json.ts';
import { page } from './lists.ts';
import {
  bool,
  CREATED,
  expand,
  free,
  int,
  LIST,
  mergeMetadata,
  metadata,
  NONE,
  oneOf,
  required,
  str,
} from './params.ts';
import { defineView, embeddedList } from './render.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import type { Plain } from './records.ts';
import type { World } from './world.ts';

const PURPOSES = [
  'account_requirement',
  'additional_verification',
  'business_icon',
  'business_logo',
  'customer_signature',
  'dispute_evidence',
  'identity_document',
  'issuing_regulatory_reporting',
  'pci_document',
  'platform_terms_of_service',
  'tax_document_user_upload',
  'terminal_android_apk',
  'terminal_reader_splashscreen',
] as const;
const LARGEST_EVIDENCE = 5 * 1024 * 1024;

defineView('file', (world, record, shown) => ({
  ...shown,
  links: embeddedList(
    world,
    world.store.by('file_link', 'file', text(record.id) ?? '').reverse(),
    `/v1/file_links?file=${text(record.id) ?? ''}`,
  ),
}));
defineView('file_link', (world, record, shown) => {
  const expires = integer(record.expires_at);
  return { ...shown, expired: expires !== null && expires <= world.now };
});

function upload(world: World, params: JsonObject): Plain {
  const given = object(params.file);
  const data = text(given.data);
  if (!isObject(params.file) || data === null) {
    throw invalid('Invalid file: you must upload it as multipart/form-data.', { param: 'file', reading: true });
  }
  const size = Buffer.byteLength(data, 'base64');
  const purpose = text(params.purpose) ?? '';
  if (size === 0) throw invalid('The uploaded file is empty.', { param: 'file', reading: true });
  if (purpose === 'dispute_evidence' && size > LARGEST_EVIDENCE) {
    throw invalid('The file is too large: dispute evidence may have 5 MB.', { param: 'file', reading: true });
  }
  const filename = text(given.filename);
  const id = world.id('file');
  return world.store.put('file', {
    id,
    object: 'file',
    _account: world.account,
    created: world.now,
    expires_at: purpose === 'dispute_evidence' ? world.now + 240 * 86_400 : null,
    filename,
    purpose,
    size,
    title: null,
    type: filename?.split('.').at(-1)?.toLowerCase() ?? null,
    url: `${world.settings.baseUrl}/v1/files/${id}/contents`,
    _data: data,
  });
}

export const fileRoutes: Route[] = [
  post(
    '/v1/files',
    { file: free(required), purpose: oneOf(PURPOSES, required), file_link_data: free(), expand },
    ({ world, params }) => upload(world, params),
  ),
  get(
    '/v1/files',
    {
      ...LIST,
      ...CREATED,
      purpose: oneOf([
        ...PURPOSES,
        'document_provider_identity_document',
        'finance_report_run',
        'selfie',
        'sigma_scheduled_query',
      ]),
    },
    ({ world, params }) => page(world, { table: 'file', url: '/v1/files', params, where: { purpose: params.purpose } }),
  ),
  get('/v1/files/:id', NONE, ({ world, path }) => world.find('file', path('id'), 'file upload')),
  post('/v1/file_links', { file: str(required), expires_at: int(), metadata, expand }, ({ world, params }) => {
    const file = world.find('file', text(params.file) ?? '', 'file upload', 'file');
    const id = world.id('link');
    return world.store.put('file_link', {
      id,
      object: 'file_link',
      _account: world.account,
      created: world.now,
      expired: false,
      expires_at: integer(params.expires_at),
      file: file.id,
      livemode: false,
      metadata: mergeMetadata({}, params.metadata),
      url: `${world.settings.baseUrl}/_sandbox/files/${id}`,
    });
  }),
  get('/v1/file_links', { ...LIST, ...CREATED, expired: bool(), file: str() }, ({ world, params }) =>
    page(world, {
      table: 'file_link',
      url: '/v1/file_links',
      params,
      where: { file: params.file },
      keep: (row) => {
        if (params.expired === undefined) return true;
        const expires = integer(row.expires_at);
        return (expires !== null && expires <= world.now) === params.expired;
      },
    }),
  ),
  get('/v1/file_links/:id', NONE, ({ world, path }) => world.find('file_link', path('id'), 'file link')),
  post('/v1/file_links/:id', { expires_at: free(), metadata, expand }, ({ world, path, params }) => {
    const link = world.find('file_link', path('id'), 'file link');
    const expires = params.expires_at;
    return world.store.patch('file_link', link.id, {
      metadata: mergeMetadata(link.metadata ?? {}, params.metadata),
      ...(expires === undefined
        ? {}
        : { expires_at: expires === 'now' ? world.now : expires === '' ? null : Number(expires) }),
    });
  }),
];
