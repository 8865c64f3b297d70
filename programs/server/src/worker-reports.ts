/**
 * The reports of one worker: that it is alive. One is stored at a time, however many it sends: those that come meanwhile are stored
 * as one with the next, and each is answered.
 */
import type { ReportedSession } from "@windlass/engine";
import { messageOf, WindlassError } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";

export interface ReportParts {
  readonly session: Pick<ReportedSession, "report">;
  /** Rejects when its token does not open anything any more. */
  readonly stillAllowed: () => Promise<void>;
  readonly alive: (n: number) => void;
  /** Its session was given up. */
  readonly lost: () => void;
  readonly fault: (error: WindlassError) => void;
  readonly logger: Logger;
}

/** Reports that wait for one that is being stored; of an SDK there are two at most. */
const WAITING_MAX = 1_000;

/** Takes a report by its number. Throws for one too many. */
export function workerReports({ session, stillAllowed, alive, lost, fault, logger }: ReportParts): (n: number) => void {
  let waiting: number[] = [];
  let isStoring = false;
  const store = async (numbers: readonly number[]): Promise<void> => {
    try {
      await stillAllowed();
      if (!(await session.report())) lost();
      else for (const n of numbers) alive(n);
    } catch (error) {
      if (error instanceof WindlassError) fault(error);
      // Not answered: the worker decides what to do about it.
      else logger.warn("a worker's report could not be stored", { error: messageOf(error) });
    }
  };
  const storeAll = async (): Promise<void> => {
    isStoring = true;
    while (waiting.length > 0) {
      const numbers = waiting;
      waiting = [];
      await store(numbers);
    }
    isStoring = false;
  };
  return (n) => {
    if (waiting.length >= WAITING_MAX) throw new WindlassError("rate_limited", `${WAITING_MAX} reports wait for their answer already`);
    waiting.push(n);
    if (!isStoring) void storeAll();
  };
}
