// A table that scrolls by itself on a phone; and tabs that keep a list's filter in its address.
import type { Child } from 'hono/jsx';

export interface Column {
  label: string;
  right?: boolean;
}

interface TableProps {
  /** Says what the table is, to whoever cannot see it. */
  label: string;
  columns: readonly (string | Column)[];
  /** Rows: <tr>. */
  children: Child;
}

export function Table({ label, columns, children }: TableProps) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={label}>
      <table>
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const { label: text, right = false } = typeof column === 'string' ? { label: column } : column;
              return (
                <th scope="col" {...(right ? { class: 'right' } : {})}>
                  {text}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

interface FilterTabsProps {
  label: string;
  /** Where the list stands, without a filter. */
  path: string;
  name: string;
  /** Undefined: all of them. */
  options: readonly (readonly [value: string | undefined, label: string, count?: number])[];
  chosen: string | undefined;
}

export function FilterTabs({ label, path, name, options, chosen }: FilterTabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {options.map(([value, text, count]) => (
          <li>
            <a
              href={value === undefined ? path : `${path}?${name}=${encodeURIComponent(value)}`}
              {...(value === chosen ? { 'aria-current': 'true' } : {})}
            >
              {text} {count === undefined ? null : <span class="count">{String(count)}</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
