/** `windlass schedules create`, `apply`, `list`, `get`, `pause`, `resume`, `run`, `backfill`, `delete` */
import type { ScheduleJson } from "@windlass/contract";
import { formatDuration, WindlassError, type JsonObject } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { fields, now, presentTable, tellCursor } from "../output/api-object.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { presentSubmitted } from "../output/submitted.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { declaredByName } from "./run.ts";
import { submissionOf, type WorkOptions } from "./submit-job.ts";
import { about, inputsOf, readSource } from "./workflow-source.ts";
import { writtenTiming, type TimingOptions } from "./written-timing.ts";

interface CreateOptions extends TimingOptions, WorkOptions {
  readonly workflow?: string;
  readonly input?: readonly (readonly [string, string])[];
  readonly inputJson?: unknown;
  readonly overlap?: string;
  readonly overlapLimit?: number;
  readonly catchUp?: string;
  readonly catchUpWindow?: string;
  readonly catchUpLimit?: number;
  readonly label?: readonly (readonly [string, string])[];
  readonly paused?: boolean;
}

export async function createSchedule(call: Call<CreateOptions>): Promise<void> {
  const { workflow, input = [], inputJson, label, paused } = call.options;
  const { client } = connect(call);
  const command = call.args[1];
  const target = targetAsked(call.options, typeof command === "object" ? command : []);
  const declared = async () => (workflow === undefined ? {} : declaredByName(client, workflow));
  const made = await client.schedules.create({
    name: argumentOf(call, 0),
    ...target,
    ...writtenTiming(call.options),
    ...policies(call.options),
    ...(input.length === 0 && inputJson === undefined ? {} : { input: await inputsOf({ pairs: input, json: inputJson }, declared) }),
    ...(label === undefined ? {} : { labels: Object.fromEntries(label) }),
    ...(paused === undefined ? {} : { paused }),
  });
  await show(call, made);
}

/** A workflow, or a job as `jobs submit` would submit it. Throws `usage`. */
export function targetAsked({ workflow, input, inputJson, ...options }: CreateOptions, command: readonly string[]) {
  const asked = Object.entries(workOf(options)).filter(([, value]) => value !== undefined);
  if (workflow !== undefined) {
    const [other] = command.length > 0 ? ["a command"] : asked.map(([name]) => `--${kebabCaseOf(name)}`);
    if (other === undefined) return { workflow };
    throw new WindlassError("usage", `--workflow says what is run, and ${other} is of another job; give one of them`);
  }
  if (command.length === 0 && options.handler === undefined && options.image === undefined)
    throw new WindlassError("usage", "what does it run? Give --workflow NAME, --handler NAME, or a command after --");
  if (options.handler === undefined && (input !== undefined || inputJson !== undefined))
    throw new WindlassError("usage", "a command takes arguments, and variables by --env; inputs are for workflows and handlers");
  return { job: submissionOf(workOf(options), command, 0) as unknown as JsonObject };
}

function workOf(options: WorkOptions): WorkOptions {
  const { handler, queue, priority, fairnessKey, concurrencyKey, concurrencyLimit, deadLetter } = options;
  const { retries, retryOn, backoff, backoffFactor, backoffMax, backoffJitter } = options;
  const { timeout, image, executor, memory, cwd, env, outputJson } = options;
  return {
    ...{ handler, queue, priority, fairnessKey, concurrencyKey, concurrencyLimit, deadLetter },
    ...{ retries, retryOn, backoff, backoffFactor, backoffMax, backoffJitter },
    ...{ timeout, image, executor, memory, cwd, env, outputJson },
  } as WorkOptions;
}

function kebabCaseOf(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

function policies({ overlap, overlapLimit, catchUp, catchUpWindow, catchUpLimit }: CreateOptions) {
  const given = (policy: string | undefined, more: Readonly<Record<string, string | number | undefined>>) => {
    const rest = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
    return policy === undefined && Object.keys(rest).length === 0 ? undefined : { ...(policy === undefined ? {} : { policy }), ...rest };
  };
  const [over, up] = [given(overlap, { limit: overlapLimit }), given(catchUp, { window: catchUpWindow, limit: catchUpLimit })];
  return { ...(over === undefined ? {} : { overlap: over }), ...(up === undefined ? {} : { catchUp: up }) };
}

/** Prints one object for one file, a list for several. */
export async function applySchedules(call: Call): Promise<void> {
  const { client } = connect(call);
  const sources = await Promise.all((call.args[0] as readonly string[]).map(async (file) => ({ file, source: await readSource(file) })));
  const answers: Awaited<ReturnType<typeof client.schedules.apply>>[] = [];
  for (const { file, source } of sources) answers.push(await about(file, () => client.schedules.apply({ source })));
  await present(call, answers.length === 1 ? answers[0] : { items: answers }, () =>
    answers
      .map(({ schedule, change }) => `${schedule.name} ${change === "unchanged" ? "is unchanged" : `was ${change}`}${nextText(schedule)}\n`)
      .join(""),
  );
}

function nextText({ paused, nextAt }: ScheduleJson): string {
  if (paused) return "; it is paused";
  return nextAt === null ? "; it fires no more" : `; it fires next at ${nextAt}`;
}

export async function listSchedules(call: Call<{ readonly limit?: number; readonly cursor?: string }>): Promise<void> {
  const { limit, cursor } = call.options;
  const answer = await connect(call).client.schedules.list({
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  await presentTable<ScheduleJson>(call, answer, {
    columns: columns(now()),
    rows: answer.items,
    none: "No schedules: windlass schedules create NAME --workflow WORKFLOW --cron '0 9 * * *'",
  });
  tellCursor(call, answer.nextCursor);
}

export async function getSchedule(call: Call): Promise<void> {
  await show(call, await connect(call).client.schedules.get({ name: argumentOf(call, 0) }));
}

export async function pauseSchedule(call: Call<{ readonly reason?: string }>): Promise<void> {
  const { reason } = call.options;
  await show(call, await connect(call).client.schedules.pause({ name: argumentOf(call, 0), ...(reason === undefined ? {} : { reason }) }));
}

export async function resumeSchedule(call: Call): Promise<void> {
  await show(call, await connect(call).client.schedules.resume({ name: argumentOf(call, 0) }));
}

export async function runSchedule(call: Call): Promise<void> {
  await presentSubmitted(call, await connect(call).client.schedules.run({ name: argumentOf(call, 0) }));
}

interface BackfillOptions {
  readonly from: string;
  readonly to: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly dryRun?: boolean;
}

/** 1 when a job could not be made. */
export async function backfillSchedule(call: Call<BackfillOptions>): Promise<number> {
  const name = argumentOf(call, 0);
  const { from, to, limit, concurrency, dryRun = false } = call.options;
  const answer = await connect(call).client.schedules.backfill({
    name,
    from,
    to,
    dryRun,
    ...(limit === undefined ? {} : { limit }),
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const { times, jobIds, refused, run, isCut } = answer;
  await present(call, answer, () => {
    const more = isCut ? `There are more times in the span: go on with --from ${behind(times.at(-1) ?? from)}, or raise --limit.\n` : "";
    if (run === null) return `${times.map((time) => `${time}\n`).join("")}${times.length === 0 ? "No times in the span.\n" : ""}${more}`;
    const failed = refused.map((message) => `Refused: ${message}\n`).join("");
    return `${count(jobIds.length, "job")} of ${name}: windlass schedules history ${name} --run ${run}\n${failed}${more}`;
  });
  return refused.length > 0 ? 1 : 0;
}

/** Both ends of a span are among it. */
function behind(time: string): string {
  return new Date(Date.parse(time) + 1).toISOString();
}

export async function deleteSchedule(call: Call): Promise<void> {
  const deleted = await connect(call).client.schedules.delete({ name: argumentOf(call, 0) });
  await present(
    call,
    deleted,
    () => `Deleted the schedule ${deleted.name}; what runs goes on. Its history: windlass schedules history ${deleted.id}\n`,
  );
}

async function show(call: Call, schedule: ScheduleJson): Promise<void> {
  await present(call, schedule, () => textOf(call, schedule));
}

function textOf(call: Call, schedule: ScheduleJson): string {
  const { timing, overlap, catchUp, labels, input } = schedule;
  return fields(call, [
    ["schedule", schedule.name],
    ["state", stateOf(schedule)],
    ["runs", targetOf(schedule)],
    ["input", input === null || JSON.stringify(input) === "{}" ? "" : JSON.stringify(input)],
    ["when", whenOf(schedule)],
    ["timezone", timing.timezone],
    ["jitter", timing.jitterMs === 0 ? "" : formatDuration(timing.jitterMs)],
    ["starts", timing.startsAt ?? ""],
    ["ends", timing.endsAt ?? ""],
    ["left out", timing.exclude.join(", ")],
    ["overlap", `${overlap.policy}${overlap.policy === "queue" || overlap.policy === "allow" ? ` (${overlap.limit})` : ""}`],
    ["catch-up", catchUp.policy === "none" ? "none" : `${catchUp.policy}, within ${formatDuration(catchUp.windowMs)}`],
    [
      "labels",
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(", "),
    ],
    ["next look", schedule.nextAt ?? ""],
    ["fails with", failureOf(schedule)],
    ["part of", schedule.source ?? ""],
  ]);
}

function stateOf({ paused, pausedBy, pausedReason, failing, running, waiting }: ScheduleJson): string {
  if (paused) return `paused${pausedBy === null ? "" : ` by ${pausedBy}`}${pausedReason === null ? "" : `: ${pausedReason}`}`;
  if (failing !== null) return `failing: ${failing.message}`;
  const more = [...(running > 0 ? [`${running} running`] : []), ...(waiting > 0 ? [`${waiting} waiting`] : [])];
  return more.length === 0 ? "active" : `active, ${more.join(", ")}`;
}

function failureOf({ failing }: ScheduleJson): string {
  return failing === null ? "" : `${failing.message} (${count(failing.times, "time")}, since ${failing.since})`;
}

function targetOf({ template }: ScheduleJson): string {
  const { kind, name } = template;
  return [kind, name].filter((word) => typeof word === "string").join(" ");
}

function whenOf({ timing: { cron, everyMs } }: ScheduleJson): string {
  return everyMs === null ? cron.join(" and ") : `every ${formatDuration(everyMs)}`;
}

function columns(at: number): readonly Column<ScheduleJson>[] {
  return [
    { title: "NAME", value: ({ name }) => name, elastic: true },
    { title: "STATE", value: stateOf, colour: ({ paused, failing }) => (paused ? "yellow" : failing === null ? null : "red") },
    { title: "WHEN", value: whenOf },
    { title: "TIMEZONE", value: ({ timing }) => timing.timezone },
    { title: "NEXT", value: ({ paused, nextAt }) => (paused ? "" : untilText(nextAt, at)) },
    { title: "RUNS", value: targetOf, elastic: true },
  ];
}

function untilText(time: string | null, at: number): string {
  if (time === null) return "never";
  const left = Date.parse(time) - at;
  return left <= 0 ? "now" : `in ${formatDuration(left)}`;
}
