/** What schedules cost that are not due: processor time of this process with Windlass in it, all its threads. */
import { setTimeout as rest } from "node:timers/promises";
import type { Engine } from "@windlass/engine";
import { HANDLER, makeSchedules, onceAt } from "./make-schedules.ts";

/** Making them is not idling. */
const SETTLE_MS = 10_000;
const NEXT_YEAR_MS = 365 * 86_400_000;

/** Percent of a core. */
export async function idleSchedules(
  engine: Engine,
  { count, watchedMs }: { readonly count: number; readonly watchedMs: number },
): Promise<number> {
  const at = Date.now() + NEXT_YEAR_MS;
  await makeSchedules(engine.context.store, { count, timing: onceAt(at), template: HANDLER, nextAt: at });
  await rest(SETTLE_MS);
  const [before, from] = [process.cpuUsage(), performance.now()];
  await rest(watchedMs);
  const { user, system } = process.cpuUsage(before);
  return (100 * (user + system)) / 1_000 / (performance.now() - from);
}
