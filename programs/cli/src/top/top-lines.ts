/** What `windlass top` shows of one look at a server, as lines that fit a window. Pure. */
import type { JobJson, QueueJson, SystemJson, WorkerJson } from "@windlass/contract";
import { formatDuration, JOBS_COUNTED_MAX } from "@windlass/kernel";
import { agoOf, count, tookOf } from "../output/job-lines.ts";
import { queuedText } from "../output/queued-text.ts";
import { styleOfState, type Style } from "../output/style.ts";
import { renderTable, type Column } from "../output/table.ts";

export interface Snapshot {
  readonly url: string;
  readonly at: number;
  readonly system: SystemJson;
  readonly queues: readonly QueueJson[];
  /** Null for whoever may not see them. */
  readonly workers: readonly WorkerJson[] | null;
  /** What is being carried out, longest first. */
  readonly running: readonly JobJson[];
  /** A second, of the whole server. */
  readonly rates: { readonly started: number; readonly finished: number; readonly failed: number };
}

export const SORTS = ["name", "queued", "running", "oldest"] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  readonly sort: Sort;
  readonly paused: boolean;
  /** What is wrong with what is shown; empty when nothing is. */
  readonly note: string;
}

export interface Window {
  /** Undefined: as wide and as high as it comes, for what is not a terminal. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly style: Style;
}

/** Head, figures, two titles, the tables' heads, blank lines and the foot. */
const LINES_BESIDES = 12;
/** Of each table, however small the window is. */
const ROWS_MIN = 3;

export function topLines(snapshot: Snapshot, view: View, { columns, rows, style }: Window): readonly string[] {
  const { at, queues, running } = snapshot;
  const room = rows === undefined ? Number.POSITIVE_INFINITY : Math.max(2 * ROWS_MIN, rows - LINES_BESIDES);
  const queueRows = Math.min(queues.length, Math.max(ROWS_MIN, room - Math.min(running.length, Math.floor(room / 2))));
  const jobRows = Math.min(running.length, Math.max(ROWS_MIN, room - queueRows));
  const options = { style, width: columns, wide: false };
  const table = <Row>(of: readonly Column<Row>[], all: readonly Row[], count: number): readonly string[] => [
    ...renderTable(of, all.slice(0, count), options).trimEnd().split("\n"),
    ...(all.length > count ? [style("dim", `… and ${all.length - count} more`)] : []),
  ];
  return [
    ...headLines(snapshot, view, style),
    "",
    style("bold", `Queues, by ${view.sort}`),
    ...(queues.length === 0 ? [style("dim", "none yet")] : table(queueColumns(at), sorted(queues, view.sort), queueRows)),
    "",
    style("bold", "Running, longest first"),
    ...(running.length === 0 ? [style("dim", "nothing runs")] : table(jobColumns(at), running, jobRows)),
  ];
}

function headLines({ url, at, system, rates, workers }: Snapshot, { paused, note }: View, style: Style): readonly string[] {
  const up = formatDuration(Math.max(0, at - Date.parse(system.startedAt)));
  const state = paused ? style("yellow", "paused") : note === "" ? "" : style("red", `not up to date: ${note}`);
  const jobs = Object.entries(system.jobs).filter(([, count]) => count > 0);
  const told = jobs.map(([name, count]) => `${style(styleOfState(name).colour, name)} ${counted(count)}`).join("  ");
  return [
    `${style("bold", "windlass")} ${system.version} at ${url}, ${system.store}, up ${up}  ${state}`.trimEnd(),
    `jobs   ${told === "" ? "none" : told}`,
    `rates  started ${perSecond(rates.started)}  finished ${perSecond(rates.finished)}  failed ${perSecond(rates.failed)}`,
    ...(workers === null ? [] : [`held   ${heldBy(workers)}`]),
  ];
}

/** `worker 2 (7 attempts)  launcher 1 (3 attempts)`: the sessions of each role, and what they hold. */
function heldBy(workers: readonly WorkerJson[]): string {
  const roles = [...new Set(workers.map(({ role }) => role))].toSorted();
  const told = roles.map((role) => {
    const those = workers.filter((worker) => worker.role === role);
    return `${role} ${those.length} (${count(
      those.reduce((sum, { running }) => sum + running, 0),
      "attempt",
    )})`;
  });
  return told.length === 0 ? "nobody is connected" : told.join("  ");
}

function perSecond(rate: number): string {
  return `${rate < 100 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en")}/s`;
}

function sorted(queues: readonly QueueJson[], sort: Sort): readonly QueueJson[] {
  const age = ({ oldestQueuedAt }: QueueJson): number => (oldestQueuedAt === null ? Number.POSITIVE_INFINITY : Date.parse(oldestQueuedAt));
  const by: Record<Sort, (a: QueueJson, b: QueueJson) => number> = {
    name: () => 0,
    queued: (a, b) => b.queued - a.queued,
    running: (a, b) => b.running - a.running,
    oldest: (a, b) => (age(a) === age(b) ? 0 : age(a) - age(b)),
  };
  return queues.toSorted((a, b) => by[sort](a, b) || a.name.localeCompare(b.name, "en"));
}

function queueColumns(at: number): readonly Column<QueueJson>[] {
  return [
    { title: "QUEUE", value: (queue) => queue.name, elastic: true },
    { title: "STATE", value: (queue) => (queue.paused ? "paused" : "open"), colour: (queue) => (queue.paused ? "yellow" : null) },
    { title: "LIMIT", value: (queue) => String(queue.concurrencyLimit ?? "none") },
    { title: "QUEUED", value: queuedText },
    { title: "SCHEDULED", value: (queue) => String(queue.scheduled) },
    { title: "RUNNING", value: (queue) => String(queue.running) },
    { title: "WAITING", value: (queue) => String(queue.waiting) },
    { title: "OLDEST", value: (queue) => agoOf(queue.oldestQueuedAt, at) },
  ];
}

function jobColumns(at: number): readonly Column<JobJson>[] {
  return [
    { title: "ID", value: (job) => job.id },
    { title: "NAME", value: (job) => job.name, elastic: true },
    { title: "KIND", value: (job) => job.kind },
    { title: "QUEUE", value: (job) => job.queue, elastic: true },
    { title: "STATE", value: (job) => job.state, colour: (job) => styleOfState(job.state).colour },
    { title: "ATTEMPT", value: (job) => String(job.attempts) },
    { title: "FOR", value: (job) => tookOf(job, at) },
  ];
}

/** With a plus where there may be more than are counted. */
function counted(count: number): string {
  return `${count.toLocaleString("en")}${count < JOBS_COUNTED_MAX ? "" : "+"}`;
}
