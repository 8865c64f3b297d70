/**
 * The specifications of step jobs. Those with an executor (`process`, `handler`) are in that executor's words; those
 * without have a `type`, carried out by step-kind.ts.
 */
import {
  faultsOfContainerSpec,
  isJsonObject,
  parseDuration,
  specOfAttempt,
  type Fault,
  type Json,
  type JsonObject,
  type Outcome,
  type Reason,
  withoutAliases,
} from "@windlass/kernel";
import type { CapturedScope } from "./captured-scope.ts";
import type { Kept } from "./mailbox.ts";
import type { Pins } from "./pins.ts";
import { type Step, WAIT_MS_MAX, type Workflow } from "./workflow.ts";

/** What is known already: a step that is skipped, that cannot be rendered, or that has nothing to do. */
export interface EndSpec {
  readonly type: "end";
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly message: string | null;
  readonly output?: Json;
}

/** Runs a tool for each item. The items are the job's input. */
export interface LoopSpec {
  readonly type: "loop";
  readonly step: Pick<Step, "name" | "tool" | "timeoutSeconds" | "retry" | "queue" | "executor" | "priority" | "concurrency"> & {
    /** The execution in whose runner it is carried out. */
    readonly runsIn?: string;
  };
  readonly maxParallel: number;
  readonly failFast: boolean;
  readonly scope: CapturedScope;
  /** Where its tool is `workflow`. */
  readonly pinned?: Pins;
}

export interface SignalSpec {
  readonly type: "wait";
  readonly signal: string;
  readonly schema?: JsonObject;
  /** A signal that came before. */
  readonly given?: Kept;
}

export type WaitSpec =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "wait"; readonly until: number }
  | SignalSpec
  | { readonly type: "wait"; readonly approval: { readonly by: readonly string[]; readonly text: string | null } };

/** Runs a tool again and again until a condition holds. */
export interface RoundsSpec extends Pick<LoopSpec, "step" | "scope" | "pinned"> {
  readonly type: "rounds";
  readonly until: string;
  readonly maxRounds: number;
  readonly pauseMs: number;
}

/** The steps at the end of an execution, as a workflow of their own, with what they use of it. */
export interface FinallySpec {
  readonly type: "finally";
  readonly workflow: Workflow;
  readonly scope: CapturedScope;
  readonly pinned?: Pins;
}

export type OwnSpec = { readonly type: "noop" } | WaitSpec | EndSpec | LoopSpec | RoundsSpec | FinallySpec;

/** Cuts what an expression or a program put into a message. */
const MESSAGE_LENGTH_MAX = 2_000;

export function specJson(spec: OwnSpec): JsonObject {
  return spec as unknown as JsonObject;
}

/** Of a specification that has been validated. */
export function ownSpecOf(spec: JsonObject): OwnSpec {
  return spec as unknown as OwnSpec;
}

export function endSpec({ outcome, reason, message, output }: Omit<EndSpec, "type">): EndSpec {
  const short = message !== null && message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}...` : message;
  return { type: "end", outcome, reason, message: short, ...(output === undefined ? {} : { output }) };
}

/** Milliseconds, or undefined when it is no time that a step may wait. */
export function waitOf(value: Json): number | undefined {
  const time = typeof value === "string" || typeof value === "number" ? parseDuration(value) : undefined;
  return time !== undefined && time <= WAIT_MS_MAX ? time : undefined;
}

/** RFC 3339, with its zone: a time without one means another in each place. */
export const TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/u;
/** The last time that a store takes as milliseconds, with room: the year 9999. */
const TIME_MAX = Date.parse("9999-12-31T23:59:59Z");

/** Milliseconds since 1970, or undefined when it is no time that a step may wait until. */
export function timeOf(value: Json): number | undefined {
  const at = typeof value === "string" && TIME.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) && at <= TIME_MAX ? at : undefined;
}

/** All that is wrong with the specification of a step job. */
export function stepSpecFaults(spec: JsonObject): readonly Fault[] {
  const faults: Fault[] = [];
  const check = (path: string, holds: boolean, message: string): void => void (holds || faults.push({ path: `spec.${path}`, message }));
  check("onRetry", spec["onRetry"] === undefined || isJsonObject(spec["onRetry"]), "expected fields by outcome");
  if (spec["type"] !== undefined) {
    check(
      "type",
      ["noop", "wait", "end", "loop", "rounds", "finally"].includes(spec["type"] as string),
      "expected noop, wait, end, loop, rounds or finally",
    );
    if (spec["type"] === "wait") check("ms", isWait(spec), "expected ms, until (both in milliseconds), signal or approval");
    if (spec["type"] === "finally")
      check("workflow", isJsonObject(spec["workflow"]) && isJsonObject(spec["scope"]), "expected steps and their scope");
    if (spec["type"] === "loop" || spec["type"] === "rounds")
      check("step", isJsonObject(spec["step"]) && isJsonObject(spec["scope"]), "expected a step and its scope");
  } else if (spec["handler"] !== undefined)
    check("handler", typeof spec["handler"] === "string" && spec["handler"] !== "", "expected the name of a handler");
  else if (spec["image"] !== undefined)
    faults.push(
      ...faultsOfContainerSpec(withoutAliases(specOfAttempt(spec, []))).map(({ path, message }) => ({ path: `spec.${path}`, message })),
    );
  else {
    const { command, script, cwd, env } = withoutAliases(spec);
    const isCommand = Array.isArray(command) && command.length > 0 && command.every(isPlainText) && command[0] !== "";
    check("command", (command === undefined) !== (script === undefined), "give either a command (a list) or a script (text)");
    check("command", command === undefined || isCommand, "expected a program and its arguments, all text");
    check("script", script === undefined || (isPlainText(script) && script.trim() !== ""), "expected text that is not empty");
    check("cwd", cwd === undefined || (isPlainText(cwd) && cwd !== ""), "expected a folder");
    check(
      "env",
      env === undefined || (isJsonObject(env) && Object.values(env).every(isPlainText)),
      "expected variables whose values are text or aliases of secrets",
    );
  }
  return faults;
}

function isWait({ ms, until, signal, approval }: JsonObject): boolean {
  if (ms !== undefined) return typeof ms === "number" && ms >= 0 && ms <= WAIT_MS_MAX;
  if (until !== undefined) return Number.isSafeInteger(until);
  return signal === undefined ? isJsonObject(approval) && Array.isArray(approval["by"]) : typeof signal === "string" && signal !== "";
}

/** No program can be given a NUL character. */
function isPlainText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}
