/**
 * What an attempt is launched with after others have ended: a specification may say what changes once an attempt has ended
 * in some way (more memory after one that had too little). Pure.
 */
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Outcome } from "./outcome.ts";

/** By outcome: the fields that are other ones from then on. */
export const ON_RETRY = "onRetry";

export function changesOnRetry(spec: JsonObject): boolean {
  return spec[ON_RETRY] !== undefined;
}

/** `ended`: how the attempts before ended, oldest first; what a later one changed counts. */
export function specOfAttempt(spec: JsonObject, ended: readonly (Outcome | null)[]): JsonObject {
  const { [ON_RETRY]: changes, ...plain } = spec;
  if (!isJsonObject(changes)) return plain;
  const patches = ended.map((outcome) => (outcome !== null && Object.hasOwn(changes, outcome) ? changes[outcome] : null));
  return Object.assign({}, plain, ...patches.filter((patch) => isJsonObject(patch ?? null)));
}
