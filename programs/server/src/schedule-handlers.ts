/** The operations on schedules. */
import {
  canonicalJson,
  demandRevision,
  WindlassError,
  type Fault,
  type Json,
  type JsonObject,
  type Occurrence,
  type ReadSchedule,
  type Schedule,
  type Timing,
} from "@windlass/kernel";
import { definedOnly } from "./defined-only.ts";
import { isoTime } from "./present-job.ts";
import { presentFire, presentOccurrence, presentSchedule, presentTiming } from "./present-schedule.ts";
import { submitted } from "./job-handlers.ts";
import { jobTemplates } from "./job-templates.ts";
import type { Asking, Handlers, ServerContext } from "./server-context.ts";

export function scheduleHandlers(server: ServerContext): Handlers<"schedules"> {
  return { ...storing(server), ...looking(server), ...running(server) };
}

type Storing = "list" | "get" | "create" | "apply" | "pause" | "resume" | "delete";
type Looking = "preview" | "next" | "history";

function storing(server: ServerContext): Pick<Handlers<"schedules">, Storing> {
  const { store } = server.engine.context;
  const here = () => schedulesOf(server);
  const shown = async (named: Named) => presentSchedule(await here().service.get(named));
  return {
    async list({ query: { limit, cursor } }, { workspace }) {
      const after = cursor === undefined ? {} : { after: { workspace, name: cursor } };
      const found = await store.schedules.list({ workspace, limit: limit + 1, ...after });
      const items = found.slice(0, limit).map(presentSchedule);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
    get: async ({ params: { name } }, { workspace }) => shown({ workspace, name }),
    async create({ body }, asking) {
      const read = accepted(here().language.check(body as JsonObject));
      const { workspace } = asking;
      if ((await store.schedules.get(workspace, read.name)) !== null)
        throw new WindlassError("conflict", `there is a schedule ${read.name} already`);
      await saveSchedule(server, { read, source: null, asking: { ...asking, expected: 0 } });
      return shown({ workspace, name: read.name });
    },
    async apply({ body: { source } }, asking) {
      const read = accepted(here().language.read(source));
      const change = await saveSchedule(server, { read, source: null, asking });
      return { schedule: await shown({ workspace: asking.workspace, name: read.name }), change };
    },
    async pause({ params: { name }, body: { reason } }, { workspace, principal }) {
      await here().service.pause({ workspace, name }, principal.name, reason ?? null);
      return shown({ workspace, name });
    },
    async resume({ params: { name } }, { workspace, principal, gate }) {
      // It goes on by the word of whoever resumes it.
      await demandJob(server, { ...(await here().service.get({ workspace, name })).schedule, gate });
      await here().service.resume({ workspace, name }, principal.name);
      return shown({ workspace, name });
    },
    async delete({ params: { name } }, { workspace, expected }) {
      const { id } = await here().service.remove({ workspace, name }, expected);
      return { name, id };
    },
  };
}

function looking(server: ServerContext): Pick<Handlers<"schedules">, Looking> {
  const { engine } = server;
  const here = () => schedulesOf(server);
  const preview = (timing: Timing, { count, zone, after }: { count: number; zone: string; after?: string | undefined }) =>
    here()
      .language.preview(timing, { after: after === undefined ? engine.context.now() : Date.parse(after), count, viewerZone: zone })
      .map(presentFire);
  return {
    async preview({ body: { count, zone, after, ...fields } }) {
      const read = here().language.timing(fields as JsonObject);
      if ("faults" in read) throw refused(read.faults);
      return { timing: presentTiming(read), items: preview(read, { count, zone, after }) };
    },
    async next({ params: { name }, query }, { workspace }) {
      const { timing, paused } = (await here().service.get({ workspace, name })).schedule;
      return { timezone: timing.timezone, paused, items: paused ? [] : preview(timing, query) };
    },
    async history({ params: { name }, query: { decision, origin, run, since, until, limit, cursor } }, { workspace }) {
      const scheduleId = await ledgerOf(server, { workspace, name });
      const found = await engine.context.store.schedules.history({
        scheduleId,
        workspace,
        ...definedOnly({ decisions: decision, origin, run, since: timeOf(since), until: timeOf(until) }),
        limit: limit + 1,
        ...(cursor === undefined ? {} : { after: placeOf(cursor) }),
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return { items: items.map(presentOccurrence), nextCursor: found.length > limit && last !== undefined ? cursorOf(last) : null };
    },
  };
}

function running(server: ServerContext): Pick<Handlers<"schedules">, "run" | "backfill"> {
  const { engine } = server;
  const here = () => schedulesOf(server);
  return {
    async run({ params: { name } }, { workspace, gate }) {
      await demandJob(server, { ...(await here().service.get({ workspace, name })).schedule, gate });
      return submitted(engine, { id: await here().service.run({ workspace, name }), created: true });
    },
    async backfill({ params: { name }, body: { from, to, limit, concurrency, dryRun } }, { workspace, gate }) {
      const { service, language } = here();
      const { schedule } = await service.get({ workspace, name });
      const span = { from: Date.parse(from), to: Date.parse(to), limit };
      demandPast(span, engine.context.now());
      const { times, isCut } = language.times(schedule.timing, span);
      const shownTimes = times.map(isoTime);
      if (dryRun || times.length === 0) return { run: null, times: shownTimes, jobIds: [], refused: [], isCut };
      await demandJob(server, { ...schedule, gate });
      const made = await service.backfill({ workspace, name }, { ...span, concurrency });
      return { run: made.run, times: shownTimes, jobIds: [...made.jobIds], refused: [...made.refused], isCut: made.isCut };
    },
  };
}

/** A name never looks like an id. What is deleted is found as long as a row of it is there, by whoever may see its workspace. */
async function ledgerOf(server: ServerContext, { workspace, name }: Named): Promise<string> {
  if (!name.startsWith(ID_PREFIX)) return (await schedulesOf(server).service.get({ workspace, name })).schedule.id;
  const rows = await server.engine.context.store.schedules.history({ scheduleId: name, workspace, limit: 1 });
  if (rows.length > 0) return name;
  throw new WindlassError(
    "not_found",
    `nothing is known of a schedule with the id ${name}: it is none, or its history has gone by its age`,
  );
}

const ID_PREFIX = "sch_";

interface Named {
  readonly workspace: string;
  readonly name: string;
}

export function schedulesOf({ schedules }: ServerContext): NonNullable<ServerContext["schedules"]> {
  if (schedules === undefined) throw new WindlassError("unavailable", "this server has no schedules");
  return schedules;
}

interface Saving {
  readonly read: ReadSchedule;
  /** What it was written in. */
  readonly source: string | null;
  readonly asking: Pick<Asking, "workspace" | "principal" | "expected" | "gate">;
}

/** Stores what was read, once it is sure that its job can be made, and may be by whoever asks. */
export async function saveSchedule(
  server: ServerContext,
  { read, source, asking: { workspace, principal, expected, gate } }: Saving,
): Promise<"created" | "changed" | "unchanged"> {
  const found = (await server.engine.context.store.schedules.get(workspace, read.name))?.schedule;
  demandRevision(`the schedule ${read.name}`, { revision: found?.revision ?? 0, expected });
  if (found !== undefined) demandSource(found, source);
  await demandJob(server, { ...read, id: found?.id ?? "", workspace, gate });
  const mayCommand = principal.permissions.has("jobs:command");
  if (found !== undefined && isSame(found, read) && (found.mayCommand || !mayCommand)) return "unchanged";
  const { created } = await schedulesOf(server).service.put({ ...read, workspace, source, mayCommand }, principal.name, expected);
  return created ? "created" : "changed";
}

/** Two files that write the same schedule would undo each other for ever. */
export function demandSource({ name, source }: Schedule, wanted: string | null): void {
  if (source === wanted) return;
  const owner = source === null ? "stands by itself" : `is part of ${source}`;
  throw new WindlassError(
    "conflict",
    `the schedule ${name} ${owner}; change it there, or delete it first: windlass schedules delete ${name}`,
  );
}

function isSame(found: Schedule, { paused = found.paused, ...read }: ReadSchedule): boolean {
  const { name, labels, template, input, timing, overlap, catchUp } = found;
  const stored = { name, labels, template, input, timing, overlap, catchUp };
  return paused === found.paused && canonicalJson(stored as unknown as Json) === canonicalJson(read as unknown as Json);
}

/** Its job, as it would be now: throws why it cannot be made, or why whoever asks may not have it run. */
async function demandJob(
  server: ServerContext,
  { gate, ...schedule }: Pick<Schedule, "id" | "workspace" | "name" | "timing" | "template" | "input"> & Pick<Asking, "gate">,
): Promise<void> {
  const { engine, workflows } = server;
  const { workspace, template } = schedule;
  const make = jobTemplates({ definitions: engine.context.store.definitions, workflows })[template.kind]?.begin();
  if (make === undefined) throw refused([{ path: "job.kind", message: `jobs of kind "${template.kind}" are made by no schedule` }]);
  const input = schedulesOf(server).language.input(schedule, engine.context.now());
  gate(await make({ workspace, template, input }));
}

function demandPast({ from, to }: { readonly from: number; readonly to: number }, now: number): void {
  const message = to < from ? "it lies before from" : to > now ? "it lies in the future; what is to come fires by itself" : null;
  if (message !== null) throw new WindlassError("invalid", `to: ${message}`, { faults: [{ path: "to", message }] });
}

function accepted(read: ReadSchedule | { readonly faults: readonly Fault[] }): ReadSchedule {
  if ("faults" in read) throw refused(read.faults);
  return read;
}

function refused(faults: readonly Fault[]): WindlassError {
  const texts = faults.map(({ line, column, path, message }) => {
    const place = line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
    return `${place}${path === "" ? "" : `${path}: `}${message}`;
  });
  return new WindlassError(
    "invalid",
    `the schedule has ${faults.length} ${faults.length === 1 ? "fault" : "faults"}: ${texts.join("; ")}`,
    { faults },
  );
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function cursorOf({ nominalAt, run }: Occurrence): string {
  return `${nominalAt}.${run}`;
}

function placeOf(cursor: string): { readonly nominalAt: number; readonly run: string } {
  const [, at, run = ""] = /^(-?\d{1,16})\.(.{0,64})$/u.exec(cursor) ?? [];
  if (at !== undefined) return { nominalAt: Number(at), run };
  throw new WindlassError("invalid", "cursor is not one of an earlier answer", {
    faults: [{ path: "cursor", message: "expected the nextCursor of an earlier answer" }],
  });
}
