/** `windlass worker`: runs the handlers of a file as a worker of a server, wherever that is. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DEFAULT_QUEUE, didYouMean, messageOf, WindlassError } from "@windlass/kernel";
import { worker, type HandlersByName } from "@windlass/sdk";
import { openTracing } from "../compose/open-tracing.ts";
import { lookupOf, workspaceOf, type Target } from "../connection/connect.ts";
import { inContext } from "../connection/contexts.ts";
import { interruption } from "../machine/interruption.ts";
import type { Call } from "../tree/call.ts";

export interface WorkerCommandOptions {
  readonly handlers: string;
  readonly queue?: readonly string[];
  readonly concurrency?: number;
  /** Milliseconds. */
  readonly drain?: number;
  readonly sessionTtl?: number;
}

/** Runs until it is told to end; then it drains. */
export async function runWorker(call: Call<WorkerCommandOptions>): Promise<void> {
  const { options, terminal } = call;
  const environment = inContext(options, call.environment);
  const lookup = lookupOf({ options, environment });
  // A folder that cannot be read is told at once. Its server may not run yet, and when it runs again it may listen elsewhere.
  let target = lookup();
  const server = (): Target => {
    const found = lookup();
    if (found.missing !== null) throw found.missing;
    target = found;
    return found;
  };
  // First: what the handlers load may be instrumented by it.
  const traces = await openTracing({ environment: call.environment, logger: { warn: (message) => terminal.err(`warn: ${message}\n`) } });
  const handlers = await handlersOf(options.handlers);
  const queues = options.queue ?? [DEFAULT_QUEUE];
  const interrupted = interruption(call);
  const one = worker({
    url: server,
    workspace: workspaceOf(options, environment),
    queue: queues,
    handlers,
    concurrency: options.concurrency,
    drainMs: options.drain,
    sessionTtlMs: options.sessionTtl,
    tracing: traces.tracing ?? undefined,
    onNotice: ({ level, message, jobId }) => terminal.err(`${level}: ${jobId === undefined ? "" : `${jobId}: `}${message}\n`),
  });
  const started = one.start();
  await Promise.race([started, interrupted.asked]);
  if (!interrupted.signal.aborted) {
    const names = Object.keys(handlers);
    const { url } = target;
    if (call.format === "json") terminal.out(`${JSON.stringify({ url, queues, handlers: names, pid: process.pid })}\n`);
    else terminal.out(`A worker of ${url} serves ${queues.join(", ")} with ${names.join(", ")}. End it with Ctrl-C.\n`);
    await interrupted.stay();
  }
  terminal.err("Stopping: nothing new is taken; handlers may finish. Once more ends it at once.\n");
  await one.stop();
  await traces.close();
}

/** What the file exports: functions by their names, or one object of functions as `handlers` or as its default. */
async function handlersOf(file: string): Promise<HandlersByName> {
  const path = resolve(file);
  if (!existsSync(path)) throw new WindlassError("usage", `there is no file ${file}; --handlers names a module that exports handlers`);
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new WindlassError("usage", `${basename(file)} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
  const found = [exported["handlers"], exported["default"], exported].map(functionsOf).find((names) => Object.keys(names).length > 0);
  if (found === undefined) {
    const names = Object.keys(exported);
    throw new WindlassError(
      "usage",
      `${basename(file)} exports no handler (${names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`}); export functions, or an object of functions as handlers${didYouMean("handlers", names)}`,
    );
  }
  return found;
}

function functionsOf(value: unknown): HandlersByName {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one === "function")) as HandlersByName;
}
