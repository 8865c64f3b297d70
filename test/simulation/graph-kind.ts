/** A small composite for the simulation: nodes with needs, each a child; ends when all have ended. No expressions, no skips. */
import { type Decision, type JobKind, NOTHING, type AdvanceInput } from "@windlass/engine";
import type { ExecutorName, Json, JsonObject } from "@windlass/kernel";

export interface GraphNode {
  readonly key: string;
  readonly needs: readonly string[];
  readonly executor: ExecutorName;
  readonly spec: JsonObject;
}

export const graphKind: JobKind = {
  kind: "workflow",
  validate: () => [],
  advance(input) {
    const nodes = (input.record.spec as unknown as { nodes: readonly GraphNode[] }).nodes;
    const cursor: Record<string, Json> = {};
    const read = (key: string): Json => cursor[key] ?? input.cursor.get(key) ?? null;
    const started: GraphNode[] = [];
    for (const fact of input.facts) {
      if (fact.type === "started") started.push(...nodes.filter((node) => node.needs.length === 0));
      if (fact.type !== "child") continue;
      cursor["ended"] = Number(read("ended") ?? 0) + 1;
      if (fact.outcome !== "succeeded") cursor["failed"] = Number(read("failed") ?? 0) + 1;
      for (const node of nodes.filter((other) => other.needs.includes(fact.key))) {
        const left = Number(read(`left:${node.key}`) ?? node.needs.length) - 1;
        cursor[`left:${node.key}`] = left;
        if (left === 0) started.push(node);
      }
    }
    const over = Number(read("ended") ?? 0) === nodes.length;
    const failed = Number(read("failed") ?? 0);
    return {
      ...NOTHING,
      cursor,
      children: started.map(({ key, executor, spec }) => ({ key, kind: "step", name: key, executor, spec })),
      finish: over
        ? {
            outcome: failed > 0 ? "failed" : "succeeded",
            reason: failed > 0 ? "step_failed" : "ok",
            message: null,
            output: { ended: nodes.length, failed },
          }
        : null,
    };
  },
};

/** Steps: carried out by an executor, or (executor `none`) a timer. */
export const stepKind: JobKind = { kind: "step", validate: () => [], advance: timer };

export const taskKind: JobKind = { kind: "task", validate: () => [] };

function timer({ record, facts, now }: AdvanceInput): Decision {
  if (facts.some((fact) => fact.type === "time")) return { ...NOTHING, finish: { outcome: "succeeded", reason: "ok", message: null } };
  return { ...NOTHING, waitUntil: now + ((record.spec as { ms?: number }).ms ?? 0) };
}
