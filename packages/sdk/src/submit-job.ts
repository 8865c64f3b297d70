/** Jobs for handlers as one call: the name says which handler, and the input is checked against it by the compiler. */
import type { Submission } from "@windlass/contract";
import type { Handler } from "@windlass/kernel";

/** Handlers by name, as they are given to a worker. */
export type HandlersByName = Readonly<Record<string, Handler<never>>>;

/** Whatever handlers there are: any name, any input. */
export type AnyHandlers = Readonly<Record<string, Handler>>;

/** What a handler takes. */
export type InputOf<H> = H extends Handler<infer Input> ? Input : never;

/** All that can be said of a job besides its handler and input. */
export interface SubmitOptions extends Omit<Submission, "kind" | "name" | "executor" | "spec" | "input" | "notBefore" | "startDeadline"> {
  /** The name of the job, when it is not that of its handler. */
  readonly name?: string | undefined;
  /** It does not start before this time. */
  readonly notBefore?: string | Date | undefined;
  /** It ends as `expired` when it has not started by this time. */
  readonly startDeadline?: string | Date | undefined;
}

export function submissionOf(
  handler: string,
  input: unknown,
  { name = handler, notBefore, startDeadline, ...more }: SubmitOptions,
): Submission {
  return {
    ...more,
    name,
    executor: "handler",
    spec: { handler },
    ...(input === undefined ? {} : { input: input as NonNullable<Submission["input"]> }),
    ...(notBefore === undefined ? {} : { notBefore: timeOf(notBefore) }),
    ...(startDeadline === undefined ? {} : { startDeadline: timeOf(startDeadline) }),
  };
}

const timeOf = (time: string | Date): string => (typeof time === "string" ? time : time.toISOString());
