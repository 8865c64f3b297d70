/** `windlass jobs submit` */
import { resolve } from "node:path";
import type { Submission } from "@windlass/contract";
import { parseBytes, WindlassError, type Json, type JsonObject, type OnConflict } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { waitForEnd } from "../follow/wait-for-end.ts";
import { now } from "../output/api-object.ts";
import { presentSubmitted } from "../output/submitted.ts";
import type { Call } from "../tree/call.ts";
import { writtenRetry, type RetryOptions } from "./written-retry.ts";

/** What a job is. */
export interface WorkOptions extends RetryOptions {
  readonly handler?: string;
  readonly queue?: string;
  readonly priority?: number;
  readonly fairnessKey?: string;
  readonly concurrencyKey?: string;
  readonly concurrencyLimit?: number;
  readonly deadLetter?: boolean;
  readonly timeout?: number;
  readonly image?: string;
  readonly executor?: "docker" | "kubernetes";
  readonly memory?: string;
  readonly cwd?: string;
  readonly env?: readonly (readonly [string, string])[];
  readonly outputJson?: boolean;
}

export interface SubmitOptions extends WorkOptions {
  readonly input?: Json;
  readonly name?: string;
  readonly label?: readonly (readonly [string, string])[];
  readonly onConflict?: OnConflict;
  readonly idempotencyKey?: string;
  readonly delay?: number;
  readonly notBefore?: string;
  readonly startDeadline?: string;
  readonly wait?: boolean;
  readonly watch?: boolean;
}

export async function submitJob(call: Call<SubmitOptions>): Promise<number | void> {
  const command = call.args[0];
  const submission = submissionOf(call.options, typeof command === "object" ? command : [], now());
  const { client } = connect(call);
  const submitted = await client.jobs.submit(submission);
  if (call.options.wait === true || call.options.watch === true)
    return waitForEnd(call, { client, job: submitted.job, watch: call.options.watch === true });
  return presentSubmitted(call, submitted);
}

/** Pure. Throws `usage` for options that do not go together. */
export function submissionOf(options: SubmitOptions, command: readonly string[], at: number): Submission {
  if (options.delay !== undefined && options.notBefore !== undefined)
    throw usage("--delay and --not-before both say when; give one of them");
  if (options.concurrencyLimit !== undefined && options.concurrencyKey === undefined)
    throw usage("--concurrency-limit says how many jobs may run under one key; name it: --concurrency-key KEY");
  if (options.onConflict !== undefined && options.concurrencyKey === undefined)
    throw usage("--on-conflict says what happens when a concurrency key is taken; name it: --concurrency-key KEY");
  const notBefore = options.delay === undefined ? options.notBefore : new Date(at + options.delay).toISOString();
  const work = options.handler === undefined ? commandWork(options, command) : handlerWork(options, options.handler, command);
  return defined({
    ...work,
    queue: options.queue,
    priority: options.priority,
    fairnessKey: options.fairnessKey,
    concurrency:
      options.concurrencyKey === undefined
        ? undefined
        : defined({ key: options.concurrencyKey, limit: options.concurrencyLimit ?? 1, onConflict: options.onConflict }),
    deadLetter: options.deadLetter,
    labels: options.label === undefined ? undefined : Object.fromEntries(options.label),
    idempotencyKey: options.idempotencyKey,
    notBefore,
    startDeadline: options.startDeadline,
    timeoutSeconds: options.timeout === undefined ? undefined : options.timeout / 1000,
    retry: writtenRetry(options),
  }) as Submission;
}

function commandWork(options: SubmitOptions, command: readonly string[]): object {
  const [program] = command;
  const { image, executor = "docker" } = options;
  if (options.executor !== undefined && image === undefined) throw usage("--executor is for containers; give their image by --image");
  if (program === undefined && image === undefined)
    throw usage("what is to be done? Give a command after --, or --handler NAME\nFor example: windlass jobs submit --watch -- echo hello");
  if (options.input !== undefined) throw usage("--input is what a handler is given; a command takes arguments, and variables by --env");
  const memory = options.memory === undefined ? undefined : parseBytes(options.memory);
  if (options.memory !== undefined && memory === undefined)
    throw usage(`--memory is "${options.memory}"; it must be an amount such as 256Mi or 1G`);
  const work =
    image === undefined
      ? { command, cwd: options.cwd === undefined ? undefined : resolve(options.cwd) }
      : { image, args: program === undefined ? undefined : command, workingDir: options.cwd };
  const spec = defined({
    ...work,
    env: options.env === undefined ? undefined : Object.fromEntries(options.env),
    memoryLimitBytes: memory,
    output: options.outputJson === true ? "json" : undefined,
  });
  const name = options.name ?? nameOf(program ?? image ?? "");
  return { executor: image === undefined ? "process" : executor, name, spec };
}

function handlerWork(options: SubmitOptions, handler: string, command: readonly string[]): object {
  if (command.length > 0) throw usage("--handler and a command are two jobs; give one of them");
  for (const [flag, value] of [
    ["--image", options.image],
    ["--executor", options.executor],
    ["--memory", options.memory],
    ["--cwd", options.cwd],
    ["--env", options.env],
    ["--output-json", options.outputJson],
  ] as const) {
    if (value !== undefined) throw usage(`${flag} is for commands; a handler runs in its worker`);
  }
  return {
    executor: "handler",
    name: options.name ?? handler,
    spec: { handler },
    ...(options.input === undefined ? {} : { input: options.input }),
  };
}

/** `/usr/bin/env` → `env` */
function nameOf(program: string): string {
  return program.split("/").findLast((part) => part !== "") ?? program;
}

function defined(object: Record<string, unknown>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonObject;
}

function usage(message: string): WindlassError {
  return new WindlassError("usage", message);
}
