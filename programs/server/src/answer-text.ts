/**
 * The text of an answer that is one piece. Of what is most likely answered it is written while the store still works: the event loop has nothing
 * else to do for a caller that is alone, and he does not wait for it afterwards.
 */
const TEXT = Symbol("text");

/** Writes it down now. What changes in it later is not told. */
export function writtenAhead<T extends object>(result: T): T {
  // A copy of it, with something else in it, does not have the text.
  return Object.defineProperty(result, TEXT, { value: JSON.stringify(result) });
}

export function textOf(result: unknown): string {
  const ahead = typeof result === "object" && result !== null && TEXT in result ? result[TEXT] : undefined;
  return typeof ahead === "string" ? ahead : JSON.stringify(result);
}
