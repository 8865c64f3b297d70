/** What is received, less what was received too often: each of those is put with the dead letters by itself (`Notices`, P3 and P8). */
import { messageOf, WindlassError, type NoticeFault } from "@windlass/kernel";
import type { ReceivedNotice } from "./notices.ts";

/** One that cannot be put there now is received again. Throws what kept it from that only where it holds up nobody. */
export async function withoutExhausted(
  received: readonly ReceivedNotice[],
  attemptsMax: number,
  bury: (notice: ReceivedNotice, why: { readonly reason: NoticeFault; readonly message: string }) => Promise<void>,
): Promise<readonly ReceivedNotice[]> {
  const good: ReceivedNotice[] = [];
  const faults: unknown[] = [];
  for (const notice of received) {
    if (notice.attempts <= attemptsMax) {
      good.push(notice);
      continue;
    }
    const message = `it was received ${attemptsMax} times, and nobody was done with it`;
    try {
      await bury({ ...notice, attempts: attemptsMax }, { reason: "attempts_exhausted", message });
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0 && good.length === 0)
    throw new WindlassError("unavailable", `notices could not be put with the dead letters: ${messageOf(faults[0])}`, { cause: faults[0] });
  return good;
}
