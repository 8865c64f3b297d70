/** The jobs of steps that nobody carries out: those with a kind of their own, and those whose end is known before they start. */
import { PAYLOAD_LENGTH_MAX, type ChildSpec } from "@windlass/engine";
import { NO_RETRY, type Json, type Reason } from "@windlass/kernel";
import { endSpec, specJson, type EndSpec, type OwnSpec } from "./step-spec.ts";
import type { Step } from "./workflow.ts";

/** A job of ours, without executor: it is never tried again, for it would do the same. */
export function ownChild(
  step: Pick<Step, "name" | "queue">,
  key: string,
  { spec, input = null }: { spec: OwnSpec; input?: Json },
): ChildSpec {
  return { ...baseOf(step, key), spec: specJson(spec), input, executor: "none", retry: NO_RETRY, timeoutMs: null };
}

/** A step whose end is known before it starts is a job all the same: everything that a user sees is one. */
export function endedChild(step: Pick<Step, "name" | "queue">, key: string, end: Omit<EndSpec, "type">): ChildSpec {
  return ownChild(step, key, { spec: endSpec(end) });
}

export function failedChild(
  step: Pick<Step, "name" | "queue">,
  key: string,
  { reason, message }: { reason: Reason; message: string },
): ChildSpec {
  return endedChild(step, key, { outcome: "failed_config", reason, message });
}

const FIELD_NAMES = { spec: "tool", input: "input" } as const;

/** What is too large to be stored fails for itself: the job that made it goes on. */
export function whatFits(step: Pick<Step, "name" | "queue">, child: ChildSpec): ChildSpec {
  for (const field of ["spec", "input"] as const) {
    const { length } = JSON.stringify(child[field] ?? null);
    if (length > PAYLOAD_LENGTH_MAX)
      return failedChild(step, child.key, {
        reason: "bad_spec",
        message: `its ${FIELD_NAMES[field]} has ${length} characters once rendered; ${PAYLOAD_LENGTH_MAX} are allowed`,
      });
  }
  return child;
}

export function baseOf(step: Pick<Step, "queue">, key: string): Pick<ChildSpec, "key" | "kind" | "name" | "queue" | "concurrency"> {
  return { key, kind: "step", name: key, queue: step.queue, concurrency: null };
}
