/** `windlass logs`: of a job byte for byte, of an execution line by line under the names of its steps. */
import type { JobDetailJson } from "@windlass/contract";
import { ALL_CONTAINERS } from "@windlass/contract/routes";
import { hasCode, MAIN_CONTAINER, messageOf, WindlassError } from "@windlass/kernel";
import { logBytes, logLines, type Client, type LogLine } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { logSources, type LogSource } from "../connection/log-sources.ts";
import { INTERRUPTED } from "../machine/interruption.ts";
import { now } from "../output/api-object.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { comeBack } from "../tree/typed.ts";

export interface LogsOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
  readonly tail?: number;
  /** Milliseconds back from now. */
  readonly since?: number;
  readonly stream?: "stdout" | "stderr";
  readonly container?: string;
  readonly allContainers?: boolean;
  readonly timestamps?: boolean;
}

export async function showLogs(call: Call<LogsOptions>): Promise<number> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const job = await client.jobs.get({ id });
  const ended = new AbortController();
  const takeBack = call.onInterrupt(() => ended.abort());
  const reading: Reading = { call, client, signal: ended.signal, range: rangeOf(call.options, now()) };
  try {
    await (job.executor === "none" ? ofSteps(reading, job) : ofOne(reading, { id, title: "", executor: job.executor }));
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
  takeBack();
  if (!ended.signal.aborted) return 0;
  call.terminal.err(`\nNo longer reading; ${job.name} is not touched. Come back with: ${comeBack(call.typed)}\n`);
  return INTERRUPTED;
}

interface Reading {
  readonly call: Call<LogsOptions>;
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly range: {
    readonly attempt?: number;
    readonly tailLines?: number;
    readonly since?: string;
    readonly stream?: "stdout" | "stderr";
    readonly container?: string;
  };
}

function rangeOf(options: LogsOptions, at: number): Reading["range"] {
  return {
    ...(options.attempt === undefined ? {} : { attempt: options.attempt }),
    ...(options.tail === undefined ? {} : { tailLines: options.tail }),
    ...(options.since === undefined ? {} : { since: new Date(at - options.since).toISOString() }),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
    ...containersOf(options),
  };
}

function containersOf({ container, allContainers }: LogsOptions): Pick<Reading["range"], "container"> {
  if (allContainers === true && container !== undefined)
    throw new WindlassError("usage", `--container ${container} and --all-containers: take one of them`);
  if (allContainers === true) return { container: ALL_CONTAINERS };
  return container === undefined ? {} : { container };
}

/** With a title each line is prefixed; without one, and without times, bytes are passed on as they came. */
async function ofOne(reading: Reading, { id, title }: LogSource): Promise<void> {
  const { call, client, range, signal } = reading;
  const raw = title === "" && call.options.timestamps !== true && call.options.allContainers !== true && call.format !== "json";
  if (raw && call.options.follow !== true) {
    for await (const bytes of await client.jobs.rawLogs({ id, ...range }, { signal })) call.terminal.out(bytes);
    return;
  }
  const lines = logLines();
  const print = (line: LogLine): void => call.terminal.out(lineText(call, title, line));
  for await (const chunk of chunksOf(reading, id)) {
    if (call.format === "json") call.terminal.out(`${JSON.stringify({ ...chunk, ...(title === "" ? {} : { step: title }) })}\n`);
    else if (raw) call.terminal.out(logBytes(chunk));
    else lines.push(chunk).forEach(print);
  }
  lines.rest().forEach(print);
}

async function* chunksOf({ call, client, range, signal }: Reading, id: string) {
  if (call.options.follow === true) {
    for await (const item of client.jobs.followLogs({ id, ...range }, { signal })) if (item.type === "chunks") yield* item.chunks;
    return;
  }
  let after: string | undefined;
  for (;;) {
    const page = await client.jobs.logs({ id, ...range, ...(after === undefined ? {} : { after }) }, { signal });
    yield* page.chunks;
    if (!page.more) return;
    after = page.position;
  }
}

/** The steps one after the other; followed ones side by side, with those that begin later. */
async function ofSteps(reading: Reading, job: JobDetailJson): Promise<void> {
  const { call, client, signal } = reading;
  if (reading.range.attempt !== undefined)
    throw new WindlassError(
      "usage",
      `${job.name} is an execution: --attempt goes with the log of one of its steps (windlass jobs get ${job.id} --json has their ids)`,
    );
  // Only pods have containers with names of their own.
  const { container } = reading.range;
  const named = container === MAIN_CONTAINER || container === ALL_CONTAINERS ? undefined : container;
  const sources = async (): Promise<readonly LogSource[]> =>
    (await logSources(client, job)).filter(({ executor }) => named === undefined || executor === "kubernetes");
  const demandSome = (found: number): void => {
    if (found === 0 && named !== undefined)
      throw new WindlassError("not_found", `no step of ${job.name} ran in a pod, which might have a container "${named}"`);
  };
  if (call.options.follow !== true) {
    const found = await sources();
    demandSome(found.length);
    for (const source of found) await ofStep(reading, source);
    return;
  }
  const followed = new Map<string, Promise<void>>();
  const attend = async (): Promise<void> => {
    for (const source of await sources()) if (!followed.has(source.id)) followed.set(source.id, ofOne(reading, source));
  };
  for await (const item of client.jobs.watch({ id: job.id, scope: "tree" }, { signal })) {
    if (item.type !== "event" || item.event.type === "job.started" || item.event.type === "job.launched") await attend();
    if (item.type === "end") break;
  }
  await Promise.all(followed.values());
  demandSome(followed.size);
}

/** One step whose log is gone does not keep those of the others from being shown. */
async function ofStep(reading: Reading, source: LogSource): Promise<void> {
  try {
    await ofOne(reading, source);
  } catch (error) {
    if (!hasCode(error, "log_removed")) throw error;
    reading.call.terminal.err(`${source.title} │ ${messageOf(error)}\n`);
  }
}

function lineText(call: Call<LogsOptions>, title: string, line: LogLine): string {
  const { style } = call.terminal;
  const at = call.options.timestamps === true ? `${style("dim", line.at)} ` : "";
  const whose = [title, line.container ?? ""].filter((part) => part !== "").join(" ");
  return `${at}${whose === "" ? "" : style("dim", `${whose} │ `)}${line.text}\n`;
}
