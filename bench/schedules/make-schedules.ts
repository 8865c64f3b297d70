/** Schedules for measurements, stored as the API stores them but for its checks. */
import type { Schedule, ScheduleTemplate, Timing } from "@windlass/kernel";
import type { Store } from "@windlass/ports";

/** Puts that wait for the store at once. */
const AT_ONCE = 200;

export const HANDLER: ScheduleTemplate = { kind: "task", name: "noop", executor: "handler", spec: { handler: "noop" } };

export interface MadeSchedules {
  readonly count: number;
  readonly timing: Timing;
  readonly template: ScheduleTemplate;
  /** When each is looked at first. */
  readonly nextAt: number;
}

/** Named s0, s1, …; each looks behind `now` only. */
export async function makeSchedules(store: Store, { count, timing, template, nextAt }: MadeSchedules): Promise<void> {
  const now = Date.now();
  let next = 0;
  const make = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const id = `sch_${i}`;
      await store.schedules.put(scheduleOf({ id, name: `s${i}`, timing, template, now }), {
        expected: 0,
        now,
        dispatch: {
          ...{ scheduleId: id, revision: 0, wakes: 0, added: [], settled: [], changes: [] },
          cursor: { at: now, nextAt, running: [], waiting: [], failing: null },
        },
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, make));
}

type Given = Pick<Schedule, "id" | "name" | "timing" | "template"> & { readonly now: number };

function scheduleOf({ now, ...given }: Given): Omit<Schedule, "revision"> {
  return {
    ...given,
    workspace: "default",
    overlap: { policy: "forbid", limit: 1 },
    catchUp: { policy: "latest", windowMs: 3_600_000, limit: 10 },
    input: { at: "{{ schedule.nominal_time }}" },
    labels: {},
    ...{ paused: false, pausedBy: null, pausedAt: null, pausedReason: null, source: null },
    ...{ createdBy: "bench", createdAt: now, changedBy: "bench", changedAt: now, mayCommand: true },
  };
}

/** Fires at `at` and then not for a year. */
export function onceAt(at: number): Timing {
  const year = 366 * 86_400_000;
  return { cron: [], everyMs: year, anchor: at, timezone: "UTC", jitterMs: 0, startsAt: null, endsAt: null, exclude: [] };
}

export function byCron(cron: string): Timing {
  return { ...onceAt(0), cron: [cron], everyMs: null, anchor: 0 };
}
