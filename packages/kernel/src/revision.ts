/** What somebody who changes an object expects to find, and the refusal when it is another. */
import { WindlassError } from "./error.ts";

/** This revision (0: nothing is there yet), anything that is there, or no matter what. */
export type Expected = number | "any" | null;

/** Throws `revision_mismatch`. `revision` 0: it is not there. */
export function demandRevision(what: string, { revision, expected }: { readonly revision: number; readonly expected: Expected }): void {
  if (expected === null || (expected === "any" ? revision > 0 : expected === revision)) return;
  const now = revision === 0 ? "is not there" : `is at revision ${revision} now`;
  throw new WindlassError("revision_mismatch", `${what} ${now}; read it again, and change what you find`, { details: { revision } });
}
