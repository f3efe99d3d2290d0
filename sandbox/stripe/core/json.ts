// The JSON that travels through the sandbox, and narrow readers for values whose shape a spec has already checked.

export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json | undefined };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

export function integer(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Within parameters accepted whole, form encoding leaves booleans as words. */
export function isTrue(value: Json | undefined): boolean {
  return value === true || value === 'true';
}

/** For messages and keys: strings as they are, anything else as JSON. */
export function word(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
