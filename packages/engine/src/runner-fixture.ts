/** For tests: executions whose steps only a runner serves, and how runners are made. */
import { executionQueueOf } from "@windlass/kernel";
import { groupKind, stepKind } from "./engine-fixture.ts";
import type { JobKind } from "./job-kind.ts";
import type { RunnerRules } from "./runners.ts";

export const rules: RunnerRules = {
  executor: "process",
  attemptsMax: 3,
  specOf: ({ env }) => ({ command: ["runner"], env: { ...env } }),
  launched: (_executor, { spec }) => ({ spec, environment: { WINDLASS_URL: "http://here" } }),
};

/** An execution with steps that only a runner serves. */
export const isolated: JobKind = {
  ...groupKind,
  runner: () => ({ executor: null, workflowId: "wfv_1", workflow: "nightly" }),
  advance(input) {
    const facts = input.facts.filter((fact) => fact.type !== "child" || !fact.key.startsWith("#"));
    const decision = groupKind.advance?.({ ...input, facts });
    if (decision === undefined) throw new Error("it decides nothing");
    const children = decision.children.map((child) => ({ ...child, queue: executionQueueOf(input.record.id) }));
    return { ...decision, children, finish: input.live.openChildren === 0 ? decision.finish : null };
  },
};

export const kinds: readonly JobKind[] = [{ kind: "task", validate: () => [] }, stepKind, isolated];

export const step = (key: string) => ({
  key,
  kind: "step" as const,
  name: key,
  spec: { handler: "windlass.shell" },
  executor: "handler" as const,
});
