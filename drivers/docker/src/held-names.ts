/**
 * The attempts that executors of this process look after, by place and name. Two executors of one place are rare (tests have
 * them): they share a launch that is under way, and only one of them brings an attempt's log home.
 */
import type { Launched } from "@windlass/ports";

const launches = new Map<string, Promise<Launched>>();
const held = new Map<string, object>();

/** The launch under way for a key, else this one. */
export function sharedLaunch(key: string, launch: () => Promise<Launched>): Promise<Launched> {
  const known = launches.get(key);
  if (known !== undefined) return known;
  const made = launch().finally(() => launches.delete(key));
  launches.set(key, made);
  return made;
}

/** False: somebody else holds it. */
export function hold(key: string, owner: object): boolean {
  if (held.has(key)) return held.get(key) === owner;
  held.set(key, owner);
  return true;
}

export function release(key: string, owner: object): void {
  if (held.get(key) === owner) held.delete(key);
}
