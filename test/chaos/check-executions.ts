/**
 * Holds executions against their workflows. Pure.
 *
 * H13. An execution that succeeded has made each of its steps once, and each item of its loops.
 * H14. By the effects, a step begins only after all that it needs have done their work.
 * H15. A step was tried again only after an attempt that was lost (with its worker, host or time), or that failed as it
 *      was told to and may be tried again; and it succeeded with none that was told to fail.
 */
import { isJsonObject, type Attempt, type Json, type JobView } from "@windlass/kernel";
import type { Findings } from "./check-history.ts";
import type { Effect } from "./effects.ts";
import type { History } from "./history.ts";

interface StepLines {
  readonly name: string;
  readonly needs: readonly string[];
  readonly items: number | null;
}

export function* stepsMade({ jobs }: History): Findings {
  const childrenOf = Map.groupBy(jobs, ({ record }) => record.parentId);
  const keysBelow = (id: string): string =>
    (childrenOf.get(id) ?? [])
      .map(({ record }) => record.childKey ?? "")
      .toSorted()
      .join(", ");
  for (const { record, final } of executionsOf(jobs)) {
    if (final?.outcome !== "succeeded") continue;
    const steps = stepsOf(record.spec);
    const wanted = steps
      .map(({ name }) => name)
      .toSorted()
      .join(", ");
    if (keysBelow(record.id) !== wanted) yield [record.id, `it has made ${keysBelow(record.id)}; its steps are ${wanted}`];
    for (const { name, items } of steps) {
      const loop = (childrenOf.get(record.id) ?? []).find((child) => child.record.childKey === name);
      if (items === null || loop === undefined || loop.final?.outcome === "skipped") continue;
      const all = Array.from({ length: items }, (_one, i) => `${name}[${i}]`)
        .toSorted()
        .join(", ");
      if (keysBelow(loop.record.id) !== all) yield [loop.record.id, `it has made ${keysBelow(loop.record.id)}; its items are ${all}`];
    }
  }
}

export function* stepOrder({ jobs, effects }: History): Findings {
  const known = new Map(jobs.map((job) => [job.record.id, job]));
  /** The step of an execution that a job is, or is part of. */
  const stepOf = (job: JobView | undefined): JobView | undefined => {
    const parent = job === undefined ? undefined : known.get(job.record.parentId ?? "");
    return parent === undefined || parent.record.kind === "workflow" ? job : stepOf(parent);
  };
  const idOf = (job: JobView | undefined): string => `${job?.record.parentId ?? ""}/${job?.record.childKey ?? ""}`;
  const begunAt = new Map<string, number>();
  const doneAt = new Map<string, number>();
  for (const [i, effect] of effects.entries()) {
    const job = known.get(effect.jobId);
    const id = idOf(stepOf(job));
    if (effect.what === "start" && !begunAt.has(id)) begunAt.set(id, i);
    // What attempts do that were lost and fenced may come late; what counts is what the last one did.
    if (effect.what === "end" && isLast(effect, job)) doneAt.set(id, i);
  }
  for (const { record } of executionsOf(jobs))
    for (const { name, needs } of stepsOf(record.spec))
      for (const need of needs) {
        const begun = begunAt.get(`${record.id}/${name}`);
        const done = doneAt.get(`${record.id}/${need}`);
        if (begun !== undefined && (done === undefined || done > begun))
          yield [
            record.id,
            `step ${name} began with line ${begun + 1} of the effects; ${need} had done its work with line ${done === undefined ? "none" : done + 1}`,
          ];
      }
}

export function* triedAsTold({ jobs, attempts }: History): Findings {
  for (const { record, final } of jobs) {
    if (record.executor === "none" || record.parentId === null) continue;
    const told = failuresOf(record.spec, record.input);
    const list = attempts.get(record.id) ?? [];
    for (const attempt of list.slice(0, -1)) {
      const mayFail = attempt.number <= told && record.retry?.on.includes("failed") === true;
      if (!isLoss(attempt) && !(mayFail && isOwnFailure(attempt)))
        yield [
          record.id,
          `attempt ${attempt.number} of ${list.length} ended as ${attempt.outcome} (${attempt.reason}); ${told} were told to fail`,
        ];
    }
    if (final?.outcome === "succeeded" && list.length <= told)
      yield [record.id, `it succeeded at attempt ${list.length}; ${told} were told to fail`];
  }
}

const isOwnFailure = ({ outcome, reason }: Attempt): boolean => outcome === "failed" && (reason === "exit_code" || reason === "error");

const isLoss = ({ outcome }: Attempt): boolean => outcome === "failed_node_lost" || outcome === "failed_timeout";

const executionsOf = (jobs: readonly JobView[]): readonly JobView[] => jobs.filter(({ record }) => record.kind === "workflow");

const isLast = ({ attempt }: Effect, job: JobView | undefined): boolean => attempt === (job?.final?.attempts ?? 0);

function stepsOf(spec: Json): readonly StepLines[] {
  const steps = isJsonObject(spec) && Array.isArray(spec["steps"]) ? (spec["steps"] as readonly Json[]) : [];
  return steps.filter(isJsonObject).map(({ name, needs, foreach }) => ({
    name: typeof name === "string" ? name : "",
    needs: Array.isArray(needs) ? needs.map(String) : [],
    items: Array.isArray(foreach) ? foreach.length : null,
  }));
}

/** What the workload told this job, in the words of its tool. */
function failuresOf(spec: Json, input: Json): number {
  if (isJsonObject(input) && typeof input["failures"] === "number") return input["failures"];
  return Number(/-gt (\d+) \]/u.exec(JSON.stringify(spec))?.[1] ?? 0);
}
