/**
 * All that is due, page by page. Looking, deciding and storing go on at the same time: while a page is decided about, the one
 * before it is stored and the next one is read. Pages follow each other in the order of their times, so none is read twice.
 */
import type { DueSchedule } from "@windlass/ports";
import { evaluate, type Evaluating } from "./evaluate.ts";
import { storeDecided, type DispatchedDue } from "./store-dispatches.ts";

/** Schedules that one decision is stored for: large enough that the commit is shared, small enough that others get in between. */
const PAGE = 500;
/** Of the first page: until it is decided about, nothing is being stored. */
const FIRST_PAGE = 100;
/** Pages that are being stored at once: on PostgreSQL each has a connection of its own. */
const STORED_AT_ONCE = 4;

export interface Pages {
  readonly now: number;
  readonly aheadMs?: number;
  /** So many at most; all of them when left out. */
  readonly pagesMax?: number;
  /** Others are left as they are. */
  readonly wants?: (one: DueSchedule) => boolean;
  readonly onPage: (due: readonly DueSchedule[], dispatched: DispatchedDue) => void;
}

export interface LookedAt {
  readonly schedules: number;
  /** There may be more that is due. */
  readonly more: boolean;
}

export async function dispatchPages(parts: Evaluating, { now, aheadMs = 0, pagesMax = Infinity, wants, onPage }: Pages): Promise<LookedAt> {
  const look = async (size: number, last?: DueSchedule): Promise<Page> => {
    const after = last === undefined ? undefined : { nextAt: last.cursor.nextAt ?? now, scheduleId: last.schedule.id };
    const found = await parts.context.store.schedules.due(now + aheadMs, size, after);
    return { found, isFull: found.length === size };
  };
  const storing: Promise<void>[] = [];
  let schedules = 0;
  let page = await look(FIRST_PAGE);
  for (let pages = 1; page.found.length > 0; pages++) {
    const { found, isFull } = page;
    const isLast = !isFull || pages >= pagesMax;
    const following = heardLater(isLast ? Promise.resolve(page) : look(PAGE, found.at(-1)));
    const due = wants === undefined ? found : found.filter(wants);
    schedules += due.length;
    const evaluated = await evaluate(parts, due, { now, aheadMs });
    const stored = storeDecided(parts.context, { due, evaluated }, { now, aheadMs });
    storing.push(heardLater(stored.then((dispatched) => onPage(due, dispatched))));
    if (storing.length >= STORED_AT_ONCE) await storing.shift();
    if (isLast) break;
    page = await following;
  }
  await Promise.all(storing);
  return { schedules, more: page.isFull };
}

interface Page {
  readonly found: readonly DueSchedule[];
  /** There may be more. */
  readonly isFull: boolean;
}

/** What fails is told to whoever awaits it, though something else may fail before it comes to that. */
function heardLater<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}
