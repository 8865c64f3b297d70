/** From the body of a request that submits a job to what the engine is asked for. */
import type { Submission, submission } from "@windlass/contract";
import type { SubmitRequest } from "@windlass/engine";
import { DEFAULT_BACKOFF, seconds, wholeSeconds, type Outcome, type RetryPolicy } from "@windlass/kernel";
import type * as z from "zod";
import { definedOnly } from "./defined-only.ts";

/** What a policy without `on` repeats: ends that another try may mend. Workflow files mean the same. */
const RETRY_ON: readonly Outcome[] = ["failed", "failed_timeout", "failed_node_lost"];

export function requestOf(body: z.output<typeof submission>, by: string): SubmitRequest {
  const { kind, name, executor, spec, notBefore, startDeadline, retry, timeoutSeconds, ...rest } = body;
  return {
    ...definedOnly(rest),
    kind,
    name,
    executor,
    spec,
    cause: { type: "user", by },
    ...(notBefore === undefined ? {} : { notBefore: Date.parse(notBefore) }),
    ...(startDeadline === undefined ? {} : { startDeadline: Date.parse(startDeadline) }),
    ...(retry === undefined ? {} : { retry: policyOf(retry) }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: wholeSeconds(timeoutSeconds) }),
  };
}

function policyOf({ limit, on, backoff = {} }: NonNullable<Submission["retry"]>): RetryPolicy {
  const { initialSeconds, factor, maxSeconds, jitter } = backoff;
  return {
    limit,
    on: on ?? RETRY_ON,
    backoff: {
      initial: initialSeconds === undefined ? DEFAULT_BACKOFF.initial : seconds(initialSeconds),
      factor: factor ?? DEFAULT_BACKOFF.factor,
      max: maxSeconds === undefined ? DEFAULT_BACKOFF.max : seconds(maxSeconds),
      jitter: jitter ?? DEFAULT_BACKOFF.jitter,
    },
  };
}
