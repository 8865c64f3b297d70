/**
 * The specifications of step jobs. Those with an executor (`process`, `handler`) are in that executor's words; those
 * without have a `type`, carried out by step-kind.ts.
 */
import {
  faultsOfContainerSpec,
  isJsonObject,
  parseDuration,
  type Fault,
  type Json,
  type JsonObject,
  type Outcome,
  type Reason,
} from "@windlass/kernel";
import type { Pins } from "./pins.ts";
import type { CapturedScope } from "./scope.ts";
import { type Step, WAIT_MS_MAX } from "./workflow.ts";

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
  readonly step: Pick<Step, "name" | "tool" | "timeoutSeconds" | "retry" | "queue" | "executor">;
  readonly maxParallel: number;
  readonly failFast: boolean;
  readonly scope: CapturedScope;
  /** Where its tool is `workflow`. */
  readonly pinned?: Pins;
}

export type OwnSpec = { readonly type: "noop" } | { readonly type: "wait"; readonly ms: number } | EndSpec | LoopSpec;

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

/** All that is wrong with the specification of a step job. */
export function stepSpecFaults(spec: JsonObject): readonly Fault[] {
  const faults: Fault[] = [];
  const check = (path: string, holds: boolean, message: string): void => void (holds || faults.push({ path: `spec.${path}`, message }));
  if (spec["type"] !== undefined) {
    check("type", ["noop", "wait", "end", "loop"].includes(spec["type"] as string), "expected noop, wait, end or loop");
    if (spec["type"] === "wait")
      check("ms", typeof spec["ms"] === "number" && spec["ms"] >= 0 && spec["ms"] <= WAIT_MS_MAX, "expected milliseconds");
    if (spec["type"] === "loop") check("step", isJsonObject(spec["step"]) && isJsonObject(spec["scope"]), "expected a step and its scope");
  } else if (spec["handler"] !== undefined)
    check("handler", typeof spec["handler"] === "string" && spec["handler"] !== "", "expected the name of a handler");
  else if (spec["image"] !== undefined)
    faults.push(...faultsOfContainerSpec(spec).map(({ path, message }) => ({ path: `spec.${path}`, message })));
  else {
    const { command, script, cwd, env } = spec;
    const isCommand = Array.isArray(command) && command.length > 0 && command.every(isPlainText) && command[0] !== "";
    check("command", (command === undefined) !== (script === undefined), "give either a command (a list) or a script (text)");
    check("command", command === undefined || isCommand, "expected a program and its arguments, all text");
    check("script", script === undefined || (isPlainText(script) && script.trim() !== ""), "expected text that is not empty");
    check("cwd", cwd === undefined || (isPlainText(cwd) && cwd !== ""), "expected a folder");
    check(
      "env",
      env === undefined || (isJsonObject(env) && Object.values(env).every(isPlainText)),
      "expected variables whose values are text",
    );
  }
  return faults;
}

/** No program can be given a NUL character. */
function isPlainText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}
