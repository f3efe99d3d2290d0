// Statements as CSV: what a spreadsheet opens runs nothing, and every text comes back as it was.
import { expect, test } from '@jest/globals';
import { csv } from '../../web/csv.ts';

test.each(['=1+1', '+1+1', '@SUM(A1)', '-1+1', '\t=1', '\r=1', '=HYPERLINK("http://evil.example","pay")'])(
  '%j is text to a spreadsheet',
  (text) => {
    const cell = csv(['a'], [[text]])
      .split('\r\n')
      .slice(1)
      .join('\r\n')
      .replace(/^"/, '');
    expect(cell.startsWith("'")).toBe(true);
  },
);

test('numbers stay numbers, and what has commas, quotes or lines is quoted', () => {
  expect(csv(['n', 't'], [[-5, 'a,b'], ['-12.50', 'say "hi"'], [10n, null], [0, 'two\nlines']])).toBe(
    '\uFEFFn,t\r\n-5,"a,b"\r\n-12.50,"say ""hi"""\r\n10,\r\n0,"two\nlines"\r\n',
  );
}); // prettier-ignore
