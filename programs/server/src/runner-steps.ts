/**
 * What goes over the line to the runner of an execution besides what any worker is told of a job: the specification of the step
 * and the secrets that this step uses, and what of them must not come back.
 */
import { givenSecrets, maskOfAttempt, maskedResult, withheld, type EngineContext } from "@windlass/engine";
import {
  maskOf,
  NO_SECRETS,
  withoutAliases,
  secretEnvironmentOf,
  type JobRecord,
  type Json,
  type Mask,
  type MaskRule,
  type Result,
} from "@windlass/kernel";

/** A runner is given nothing of another execution, whatever lies in its queue. */
export function isWithin({ path }: Pick<JobRecord, "path">, execution: string | null): boolean {
  return execution !== null && path.split("/").includes(execution);
}

/** What is refused of a job that lies in the queue of an execution and is none of its steps. */
export const NOT_ITS_OWN: Result = {
  outcome: "failed_config",
  reason: "bad_spec",
  message: "it lies in the queue of an isolated execution and is none of its steps",
};

/** The input of its handler, in the place of the job's own. */
export interface GivenStep {
  readonly input: Json;
}

/** What is sent, and what must not come back of it: of the secrets as they were given, whatever they are by then. */
export interface Given {
  readonly step: GivenStep;
  readonly mask: StepMask;
}

/** Why it is refused, is stored as its end. Throws when the store cannot be read. */
export async function givenStep(context: EngineContext, record: JobRecord): Promise<Given | { readonly refused: Result }> {
  const given = await givenSecrets(context, record);
  if ("refused" in given) return given;
  const secretEnvironment = { ...secretEnvironmentOf(record.spec, given.values) };
  const secrets = Object.fromEntries(given.values);
  const { id, name, rootId, workspace } = record;
  const about = { id, name, rootId, workspace };
  const step = { input: { spec: withoutAliases(record.spec), input: record.input, secretEnvironment, secrets, about } };
  const rule = context.masks?.(record) ?? NO_SECRETS;
  return { step, mask: stepMaskOf({ ...rule, secrets: [...rule.secrets, ...given.values.values()] }, null) };
}

export interface StepMask {
  readonly mask: Mask;
  /** What may be stored of an end: nothing of the secrets that the step was given. */
  result(result: Result): Result;
}

/** Looked up again where the step was given by another server. */
export async function maskOfStep(context: EngineContext, id: string): Promise<StepMask> {
  const { rule, incomplete } = await maskOfAttempt(context, id);
  return stepMaskOf(rule, incomplete);
}

function stepMaskOf(rule: MaskRule, incomplete: string | null): StepMask {
  const mask = maskOf(rule);
  return {
    mask,
    result: (result) => (incomplete === null ? maskedResult(result, mask, rule.secrets) : withheld(result, incomplete)),
  };
}
