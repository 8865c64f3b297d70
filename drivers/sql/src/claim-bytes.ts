/** How much one claim gives: what of it waits for a slot is held in memory, and between threads it goes as one text. */
import type { LiveJob } from "@windlass/kernel";

/** What the specifications and inputs of one claim come to at most, unless that of one job is more. */
const CLAIM_BYTES_MAX = 32_000_000;

/** The first of them, as many as one claim may give when it has given so many bytes already; where it has given nothing, one at least. */
export function fittingClaim(
  candidates: readonly LiveJob[],
  bytesOf: (job: LiveJob) => number,
  given: { readonly jobs: number; readonly bytes: number },
): readonly LiveJob[] {
  let total = given.bytes;
  const end = candidates.findIndex((job) => (total += bytesOf(job)) > CLAIM_BYTES_MAX);
  return end === -1 ? candidates : candidates.slice(0, given.jobs === 0 ? Math.max(1, end) : end);
}
