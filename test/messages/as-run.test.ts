// The worker runs by tsx, which reads JSX as tsconfig.json says only of the folders that stand in it: jest would not notice.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

test('a mail is made by the way in which the worker runs', async () => {
  const root = path.join(import.meta.dirname, '../..');
  const code = `
    const { mailOf } = await import('./messages/mail.tsx');
    const facts = { reader: { locale: 'en', timeZone: 'UTC' }, data: {}, escrowId: null };
    console.log(mailOf('password_changed', facts, { publicUrl: 'https://pay.example', name: 'Ana', optional: false }).html);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { cwd: root }); // prettier-ignore
  expect(stdout).toContain('<p>Hello Ana,</p>');
}, 120_000);
