/** What is told when the disk of a store is full: the same words, whichever store it is. */
import { WindlassError } from "@windlass/kernel";

/** Retried by whoever can wait: nothing was stored, and what runs goes on. */
export function storeFull(cause: unknown): WindlassError {
  return new WindlassError(
    "unavailable",
    "the disk of the store is full: nothing can be stored, so nothing new is taken or started. Make room (`windlass doctor` tells how much there is); then everything goes on by itself",
    { cause, details: { disk: "full" } },
  );
}
