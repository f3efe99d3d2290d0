// One route: its path, its parameter table and what it does. Everything that the sandbox answers is in such tables.
import type { JsonObject } from './json.ts';
import type { Spec } from './params.ts';
import type { World } from './world.ts';

export type Call = {
  world: World;
  params: JsonObject;
  /** The value of a `:name` in the path. */
  path: (name: string) => string;
};
export type Route = {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  params: Spec;
  run: (call: Call) => JsonObject;
};

export const get = (path: string, params: Spec, run: Route['run']): Route => ({ method: 'GET', path, params, run });
export const post = (path: string, params: Spec, run: Route['run']): Route => ({ method: 'POST', path, params, run });
export const del = (path: string, params: Spec, run: Route['run']): Route => ({ method: 'DELETE', path, params, run });
