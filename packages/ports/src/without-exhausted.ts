/** What is received, less what was received too often: each of those is put with the dead letters by itself (`Notices`, P3 and P8). */
import type { NoticeFault } from "@windlass/kernel";
import type { ReceivedNotice } from "./notices.ts";

export interface WithoutExhausted {
  readonly good: readonly ReceivedNotice[];
  /** Of letters that could not be put there now; they are received again. To be told when the good ones are on their way. */
  readonly fault: unknown;
}

export async function withoutExhausted(
  received: readonly ReceivedNotice[],
  attemptsMax: number,
  bury: (notice: ReceivedNotice, why: { readonly reason: NoticeFault; readonly message: string }) => Promise<void>,
): Promise<WithoutExhausted> {
  const good: ReceivedNotice[] = [];
  let fault: unknown = null;
  for (const notice of received) {
    if (notice.attempts <= attemptsMax) {
      good.push(notice);
      continue;
    }
    const message = `it was received ${attemptsMax} times, and nobody was done with it`;
    try {
      await bury({ ...notice, attempts: attemptsMax }, { reason: "attempts_exhausted", message });
    } catch (error) {
      fault = error;
    }
  }
  return { good, fault };
}
