/**
 * What must be true of all that happened at a site, whatever was struck.
 *
 * C1. Each job has ended, once: its events are numbered without gaps, and the end is the last of them.
 * C2. Each attempt was resumed once: it began once, and was followed by one end or one further attempt.
 * C3. Of each attempt the cluster had one Job, and that one pod at most.
 * C4. Nothing is left: no Job that is not settled, no pod that runs, no Secret without its Job.
 */
import type { Attempt } from "./fault-site.ts";

export interface SiteHistory {
  readonly jobs: readonly JobHistory[];
  /** Every pod that a controller of the cluster said that it made for a Job of ours, by the Job's name and UID. */
  readonly pods: readonly MadePod[];
  readonly left: readonly LeftObject[];
}

export interface JobHistory {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Types of its events, with their numbers and attempts. */
  readonly events: readonly { readonly seq: number; readonly type: string; readonly attempt: number | null }[];
  readonly attempts: readonly Pick<Attempt, "number" | "externalName" | "externalRef" | "outcome">[];
}

export interface MadePod {
  readonly job: string;
  readonly uid: string;
  readonly pod: string;
}

/** What is there at the end. */
export interface LeftObject {
  readonly kind: "Job" | "Pod" | "Secret";
  readonly name: string;
  /** Of a Job: its end is stored, and it goes when its time is over. Of a pod: it has ended. Of a Secret: its Job is there. */
  readonly isSettled: boolean;
}

const FINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "expired", "skipped"]);

export function violationsOf(history: SiteHistory): readonly string[] {
  return [
    ...history.jobs.flatMap((job) => [...endsOf(job), ...resumesOf(job), ...outsideOf(job, history.pods)]),
    ...strangersOf(history),
    ...history.left.filter(({ isSettled }) => !isSettled).map(({ kind, name }) => `C4: ${kind} ${name} is left`),
  ];
}

function* endsOf({ id, name, state, events }: JobHistory): Iterable<string> {
  if (!FINAL.has(state)) yield `C1: ${name} (${id}) is ${state}`;
  if (events.some(({ seq }, i) => seq !== i + 1))
    yield `C1: events of ${name} (${id}) have the numbers ${events.map(({ seq }) => seq).join()}`;
  const ends = events.filter(({ type }) => type === "job.finished").length;
  if (ends !== 1 || events.at(-1)?.type !== "job.finished")
    yield `C1: ${name} (${id}) ended ${ends} times, or something followed: ${events.map(({ type }) => type).join(", ")}`;
}

function* resumesOf({ id, name, events, attempts }: JobHistory): Iterable<string> {
  for (const { number } of attempts) {
    const of = (...types: readonly string[]): number => events.filter((one) => one.attempt === number && types.includes(one.type)).length;
    const begun = of("job.started");
    if (begun > 1) yield `C2: attempt ${number} of ${name} (${id}) began ${begun} times`;
    const ends = of("job.retrying", "job.finished");
    if (ends !== 1) yield `C2: attempt ${number} of ${name} (${id}) was resumed ${ends} times`;
  }
}

function* outsideOf({ id, name, attempts }: JobHistory, pods: readonly MadePod[]): Iterable<string> {
  for (const { number, externalName, externalRef } of attempts) {
    const made = pods.filter(({ job }) => job === externalName);
    const uids = new Set(made.map(({ uid }) => uid));
    if (uids.size > 1) yield `C3: attempt ${number} of ${name} (${id}) had ${uids.size} Jobs`;
    if (externalRef !== null && made.some(({ uid }) => uid !== externalRef))
      yield `C3: attempt ${number} of ${name} (${id}) ran in another Job than was recorded`;
    if (new Set(made.map(({ pod }) => pod)).size > 1) yield `C3: attempt ${number} of ${name} (${id}) had ${made.length} pods`;
  }
}

function* strangersOf({ jobs, pods }: SiteHistory): Iterable<string> {
  const names = new Set(jobs.flatMap(({ attempts }) => attempts.map(({ externalName }) => externalName)));
  for (const job of new Set(pods.map((one) => one.job)))
    if (job.startsWith("windlass-") && !names.has(job)) yield `C3: ${job} is of no attempt`;
}
