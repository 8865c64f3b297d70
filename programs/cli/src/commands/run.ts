/** `windlass run`: a file or a name, here or on a server; returns at once, or waits for the end. */
import { readdirSync } from "node:fs";
import { hasCode, messageOf, WindlassError, type JsonObject } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { waitForEnd } from "../follow/wait-for-end.ts";
import { now } from "../output/api-object.ts";
import { presentSubmitted } from "../output/submitted.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { about, inputsOf, isFile, nearbyFile, readSource } from "./workflow-source.ts";

export interface RunOptions {
  readonly input?: readonly (readonly [string, string])[];
  readonly inputJson?: unknown;
  readonly wait?: boolean;
  readonly watch?: boolean;
  readonly local?: boolean;
  readonly dryRun?: boolean;
  readonly executor?: "docker" | "kubernetes" | "process";
  readonly queue?: string;
  readonly priority?: number;
  readonly label?: readonly (readonly [string, string])[];
  readonly delay?: number;
  readonly notBefore?: string;
  readonly startDeadline?: string;
  readonly idempotencyKey?: string;
}

export async function run(call: Call<RunOptions>): Promise<number | void> {
  const target = argumentOf(call, 0);
  if (call.options.delay !== undefined && call.options.notBefore !== undefined)
    throw new WindlassError("usage", "--delay and --not-before both say when; give one of them");
  const source = isFile(target) ? await readSource(target) : undefined;
  if (call.options.dryRun === true) return (await import("./dry-run.ts")).dryRun(call, { target, source });
  if (call.options.local === true)
    return (await import("./run-local.ts")).runLocal(call, (client) => submitRun(call, client, { target, source }));
  const { client } = connect(call);
  const submitted = await submitRun(call, client, { target, source });
  const { wait, watch } = call.options;
  if (wait === true || watch === true) return waitForEnd(call, { client, job: submitted.job, watch: watch === true });
  return presentSubmitted(call, submitted);
}

export type Submitted = Awaited<ReturnType<Client["workflows"]["run"]>>;

async function submitRun(
  call: Call<RunOptions>,
  client: Client,
  { target, source }: { readonly target: string; readonly source: string | undefined },
): Promise<Submitted> {
  const { options } = call;
  const notBefore = options.delay === undefined ? options.notBefore : new Date(now() + options.delay).toISOString();
  const given = { pairs: options.input ?? [], json: options.inputJson };
  const declared = (): Promise<JsonObject> => (source === undefined ? declaredByName(client, target) : declaredIn(source));
  return about(target, async () => {
    try {
      return await client.workflows.run({
        ...(source === undefined ? { name: target } : { source }),
        input: await inputsOf(given, declared),
        ...(options.executor === undefined ? {} : { executor: options.executor }),
        ...(options.queue === undefined ? {} : { queue: options.queue }),
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        ...(options.label === undefined ? {} : { labels: Object.fromEntries(options.label) }),
        ...(notBefore === undefined ? {} : { notBefore }),
        ...(options.startDeadline === undefined ? {} : { startDeadline: options.startDeadline }),
        ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
      });
    } catch (error) {
      if (hasCode(error, "unreachable"))
        throw new WindlassError("unreachable", `${messageOf(error)}; or run it here: add --local`, { cause: error });
      if (source !== undefined || !hasCode(error, "not_found")) throw error;
      const { message } = error as Error;
      throw new WindlassError("not_found", `${message}${message.includes("did you mean") ? "" : nearbyFile(target, readdirSync("."))}`, {
        cause: error,
      });
    }
  });
}

/** What cannot be read declares nothing: the server then says all that is wrong with it. */
async function declaredIn(source: string): Promise<JsonObject> {
  const { parseWorkflow } = await import("@windlass/workflows");
  const parsed = parseWorkflow(source);
  return "faults" in parsed ? {} : ((parsed.workflow.inputs ?? {}) as unknown as JsonObject);
}

/** The inputs that a stored workflow declares. */
export async function declaredByName(client: Client, name: string): Promise<JsonObject> {
  const { definition } = await client.workflows.get({ name });
  return (definition["inputs"] ?? {}) as JsonObject;
}
