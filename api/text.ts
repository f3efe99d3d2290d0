// Text that can be kept. PostgreSQL takes neither the character NUL nor half of a character (a lone surrogate), in a text or in JSON:
// what holds one and got as far as a workflow could never be projected.

/** Where such a text stands in a value, as a path into it; null: nowhere. Whatever is no plain data, such as a file, is passed over. */
export function unstorableIn(value: unknown, path: readonly PropertyKey[] = []): readonly PropertyKey[] | null {
  if (typeof value === 'string') return value.includes('\0') || /\p{Cs}/u.test(value) ? path : null;
  if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value))) return null;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    const found = unstorableIn(name) === null ? unstorableIn(member, at) : path;
    if (found !== null) return found;
  }
  return null;
}

const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null); // prettier-ignore
