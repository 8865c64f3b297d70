/**
 * So many schedules that are due in the same second: how long until the jobs of all of them are stored, queued and accounted for. The
 * dispatcher is the one that every server has; nobody works meanwhile.
 */
import { setTimeout as rest } from "node:timers/promises";
import type { Engine } from "@windlass/engine";
import { HANDLER, makeSchedules, onceAt } from "./make-schedules.ts";

/** Until all are made, with a reserve; making them is not measured. */
const MAKING_MS = { least: 5_000, each: 1.5 } as const;
const LOOK_MS = 5;
/** For what watches, to be under way by then. */
const BEFORE_MS = 2_000;

export interface DueAtOnce {
  /** From due to the last one stored. */
  readonly ms: number;
  /** Processor time of this process meanwhile, all its threads: what others do on the machine is not in it. */
  readonly processorMs: number;
}

/** `atDue` is called just before. */
export async function dueAtOnce(engine: Engine, count: number, atDue: () => Promise<void> = async () => {}): Promise<DueAtOnce> {
  const { store } = engine.context;
  const due = 1_000 * Math.ceil((Date.now() + MAKING_MS.least + MAKING_MS.each * count) / 1_000);
  await makeSchedules(store, { count, timing: onceAt(due), template: HANDLER, nextAt: due });
  if (Date.now() > due - BEFORE_MS) throw new Error("the schedules were due before all of them were made: this machine is too slow for it");
  await rest(Math.max(0, due - Date.now() - BEFORE_MS));
  await atDue();
  await rest(Math.max(0, due - Date.now()));
  const before = process.cpuUsage();
  for (;;) {
    const next = await store.schedules.nextDue();
    if (next === null || next > due) {
      const { user, system } = process.cpuUsage(before);
      return { ms: Date.now() - due, processorMs: (user + system) / 1_000 };
    }
    await rest(LOOK_MS);
  }
}
