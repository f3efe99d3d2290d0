// What a file is told to be: by its content, whatever its name and its sender say.
import { expect, test } from '@jest/globals';
import { checkFile, MAX_FILE_BYTES } from '../../api/file-types.ts';
import { deliveryHash } from '../../api/files.ts';
import { createHash } from 'node:crypto';

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const pdf = Buffer.from('%PDF-1.7\n');

test.each([
  ['photo.PNG', png, 'image/png'],
  ['paper.pdf', pdf, 'application/pdf'],
  ['notes.md', Buffer.from('# Grüße\n'), 'text/plain'],
  ['sheet.xlsx', Buffer.from('PK\u0003\u0004rest'), 'application/zip'],
  ['photo.jpeg', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), 'image/jpeg'],
])('%s is taken as what its content is', (name, bytes, mediaType) =>
  expect(checkFile(name, bytes)).toEqual({ name, mediaType }),
);

test.each([
  ['a page called a picture', 'photo.png', Buffer.from('<script>alert(1)</script>'), 'not what its name says'],
  ['a program called a PDF', 'paper.pdf', Buffer.from('MZ\u0000\u0001'), 'of a kind that is not taken'],
  ['a picture called a text', 'notes.txt', png, 'not what its name says'],
  ['a page under its own name', 'index.html', Buffer.from('<html></html>'), 'not what its name says'],
  ['a drawing that can run scripts', 'logo.svg', Buffer.from('<svg onload="x"/>'), 'not what its name says'],
  ['a text that is no UTF-8', 'notes.txt', Buffer.from([0x41, 0xff, 0xfe]), 'of a kind that is not taken'],
  ['nothing', 'notes.txt', Buffer.alloc(0), 'is empty'],
  ['too much', 'notes.txt', Buffer.alloc(MAX_FILE_BYTES + 1, 65), 'larger than 10 MB'],
])('%s is refused', (_what, name, bytes, words) => {
  const checked = checkFile(name, bytes);
  expect('refusal' in checked ? checked.refusal : checked).toContain(words);
});

test('a name without an ending gets that of its content', () => {
  expect(checkFile('photo', png)).toEqual({ name: 'photo.png', mediaType: 'image/png' });
});

test('the fingerprint of a delivery is its file’s own, or that of the list that sha256sum prints', () => {
  const [a, b] = ['a', 'b'].map((text) => createHash('sha256').update(text).digest('hex')) as [string, string];
  expect(deliveryHash([])).toBeUndefined();
  expect(deliveryHash([{ name: 'x.txt', sha256: a }])).toBe(a);
  const listed = createHash('sha256').update(`${b}  1.txt\n${a}  2.txt\n`).digest('hex');
  expect(deliveryHash([{ name: '2.txt', sha256: a }, { name: '1.txt', sha256: b }])).toBe(listed); // prettier-ignore
});
