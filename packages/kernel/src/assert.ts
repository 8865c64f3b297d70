/** Bugs, and only bugs: a condition that the code itself guarantees. What a user can cause is a WindlassError. */
export class BugError extends Error {
  override name = "BugError";
}

export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new BugError(`bug in Windlass: ${why}`);
}

/** For the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new BugError(`bug in Windlass: unexpected ${JSON.stringify(value)}`);
}
