/** What is told of a row whose key is taken, although nobody took it while we looked. */
import { messageOf, WindlassError } from "@windlass/kernel";

/** Asking again changes nothing, and others are not at fault: whoever stores several at once finds the one by trying each. */
export function alreadyThere(cause: unknown): WindlassError {
  return new WindlassError("conflict", `the store has a row under that key already: ${messageOf(cause)}`, { cause });
}
