/** What is told of a value that a store cannot keep: a number that is too large for its column, a key that is too long for its index. */
import { messageOf, WindlassError } from "@windlass/kernel";

/** Asking again changes nothing: it is the fault of what was given, not of the store. */
export function unstorable(cause: unknown): WindlassError {
  return new WindlassError("invalid", `it holds a value that the store cannot keep: ${messageOf(cause)}`, { cause });
}
