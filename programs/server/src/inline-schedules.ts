/**
 * Schedules that stand in the file of a workflow: they come, change and go with it. Whatever could refuse one is asked before
 * the workflow is stored; who applies the file again, after something went wrong in between, mends what is left.
 */
import { WindlassError, type JsonObject, type ReadSchedule } from "@windlass/kernel";
import type { ScheduleView } from "@windlass/ports";
import { demand } from "./authenticate.ts";
import { demandSource, saveSchedule, schedulesOf } from "./schedule-handlers.ts";
import type { Asking, ServerContext } from "./server-context.ts";
import { pinVersions } from "./stored-workflows.ts";

export interface AppliedSchedule {
  readonly name: string;
  readonly change: "created" | "changed" | "unchanged" | "removed";
}

interface Applying {
  readonly name: string;
  readonly definition: JsonObject;
  readonly schedules: readonly ReadSchedule[];
  readonly asking: Asking;
}

/** More than a file can hold. */
const OF_ONE_WORKFLOW_MAX = 500;

/** Throws what would refuse one of them. Returns how to store them, once the workflow is. */
export async function prepareSchedules(server: ServerContext, applying: Applying): Promise<() => Promise<AppliedSchedule[]>> {
  const { name, schedules, asking } = applying;
  const before = await schedulesWithin(server, asking.workspace, name);
  if (schedules.length === 0 && before.length === 0) return async () => [];
  demand(asking.principal, { permission: "schedules:write", id: "workflows.apply, of a file with schedules," });
  await demandRuns(server, applying);
  return async () => {
    const applied: AppliedSchedule[] = [];
    for (const read of schedules) {
      const change = await saveSchedule(server, { read, source: sourceOf(name), asking: { ...asking, expected: null } });
      applied.push({ name: read.name, change });
    }
    const kept = new Set(schedules.map((read) => read.name));
    const gone = before.map(({ schedule }) => schedule.name).filter((one) => !kept.has(one));
    return [...applied, ...(await removeAll(server, asking.workspace, gone))];
  };
}

/** Throws when whoever asks may not. Returns how to remove them, once the workflow is gone. */
export async function prepareRemoval(server: ServerContext, asking: Asking, workflow: string): Promise<() => Promise<unknown>> {
  const found = await schedulesWithin(server, asking.workspace, workflow);
  if (found.length === 0) return async () => {};
  demand(asking.principal, { permission: "schedules:write", id: "workflows.delete, of one with schedules," });
  const names = found.map(({ schedule }) => schedule.name);
  return () => removeAll(server, asking.workspace, names);
}

async function demandRuns(server: ServerContext, { definition, schedules, asking }: Applying): Promise<void> {
  const { engine, workflows } = server;
  const { workspace } = asking;
  const { definitions, schedules: stored } = engine.context.store;
  const { language } = schedulesOf(server);
  const pinned = await pinVersions(definitions, { workspace, definition, referencesOf: workflows.referencesOf });
  for (const [index, read] of schedules.entries()) {
    const found = (await stored.get(workspace, read.name))?.schedule;
    if (found !== undefined) demandSource(found, typeof read.template["name"] === "string" ? sourceOf(read.template["name"]) : null);
    try {
      const input = language.input({ ...read, id: found?.id ?? "" }, engine.context.now());
      asking.gate(workflows.execution({ definition, versionId: null, input, pinned }));
    } catch (error) {
      if (!(error instanceof WindlassError)) throw error;
      const faults = error.faults.map((fault) => ({ ...fault, path: `schedules[${index}].${fault.path}` }));
      throw new WindlassError(error.code, `the schedule ${read.name}: ${error.message}`, { faults, cause: error });
    }
  }
}

function schedulesWithin({ engine }: ServerContext, workspace: string, workflow: string): Promise<readonly ScheduleView[]> {
  return engine.context.store.schedules.list({ workspace, source: sourceOf(workflow), limit: OF_ONE_WORKFLOW_MAX });
}

async function removeAll(server: ServerContext, workspace: string, names: readonly string[]): Promise<AppliedSchedule[]> {
  for (const name of names) await schedulesOf(server).service.remove({ workspace, name });
  return names.map((name) => ({ name, change: "removed" }));
}

function sourceOf(workflow: string): string {
  return `workflow/${workflow}`;
}
