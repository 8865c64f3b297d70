/**
 * The queue for notices, as those use it who send and receive: opened when it can be, and anew when it was lost.
 *
 * U1. A broker that is away keeps nothing from starting, and nothing else from going on.
 * U2. What will not mend by itself (an address that is none, a broker that is too old) is told when it is opened first.
 * U3. It is looked for again and again, later each time, and by one at a time however many ask.
 */
import { backoffDelay, hasCode, messageOf, minutes, seconds, WindlassError, type Backoff } from "@windlass/kernel";
import type { Notices } from "@windlass/ports";
import type { EngineContext } from "./context.ts";

export interface NoticeQueue {
  /** Throws what opening throws; `unavailable` without a try as long as the rest after the last one lasts. */
  opened(): Promise<Notices>;
  /** For who starts: throws what will not mend by itself (U2), and goes on where the broker is away (U1). */
  tryOnce(): Promise<void>;
  /** What is open. Who asks again opens it anew. */
  close(): Promise<void>;
}

const REOPEN: Backoff = { initial: seconds(1), factor: 2, max: minutes(1), jitter: 0.3 };

export function noticeQueue(
  { clock, random, logger, figures }: Pick<EngineContext, "clock" | "random" | "logger" | "figures">,
  open: () => Promise<Notices>,
): NoticeQueue {
  const { notices: told } = figures;
  let current: Notices | null = null;
  let opening: Promise<Notices> | null = null;
  let failures = 0;
  let nextAt = 0;
  const openNow = async (): Promise<Notices> => {
    try {
      const lost = current;
      current = null;
      await lost?.close();
      current = await open();
      failures = 0;
      told.fault = null;
      return current;
    } catch (error) {
      failures++;
      nextAt = clock.monotonic() + backoffDelay(REOPEN, failures, random.next());
      told.fault = messageOf(error);
      throw error;
    } finally {
      opening = null;
    }
  };
  const opened = async (): Promise<Notices> => {
    if (current?.isOpen() === true) return current;
    if (opening === null && failures > 0 && clock.monotonic() < nextAt)
      throw new WindlassError("unavailable", `the queue for notices is away, and is looked for: ${told.fault ?? ""}`);
    opening ??= openNow();
    return opening;
  };
  told.isUsed = true;
  return {
    opened,
    async tryOnce() {
      try {
        await opened();
      } catch (error) {
        if (!hasCode(error, "unavailable")) throw error;
        logger.warn("the queue for notices is away, and is looked for", { error: messageOf(error) });
      }
    },
    async close() {
      await opening?.catch(() => {});
      const was = current;
      current = null;
      await was?.close();
    },
  };
}
