/** What storing a definition comes to, beside the newest version of it. Pure. */
import { demandRevision, type Expected } from "@windlass/kernel";
import type { Definition } from "@windlass/ports";

/** Throws `revision_mismatch`. */
export function nextVersion(
  newest: Definition | null,
  given: Omit<Definition, "version">,
  expected: Expected,
): { readonly definition: Definition; readonly created: boolean } {
  demandRevision(`${given.type} ${given.name}`, { revision: newest?.version ?? 0, expected });
  if (newest !== null && newest.hash === given.hash) return { definition: newest, created: false };
  return { definition: { ...given, version: (newest?.version ?? 0) + 1 }, created: true };
}
