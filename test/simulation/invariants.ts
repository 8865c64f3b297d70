/**
 * What must be true at every moment, whatever happened. Looks at the store's own account and at what really ran.
 * Each check returns what is wrong, in words that say where to look.
 */
import { isJsonObject, type JobEvent, type JobView } from "@windlass/kernel";
import { queuesHold } from "./queue-invariants.ts";
import type { World } from "./world.ts";

export interface Account {
  /** Jobs by id, as they were seen when they ended. */
  readonly ended: Map<string, string>;
  readonly events: Map<string, JobEvent[]>;
  /** Where in the feed a job was submitted and where it was told to stop. */
  readonly submittedAt: Map<string, number>;
  readonly stoppingAt: Map<string, number>;
  seen: number;
  position: string;
}

export const newAccount = (): Account => ({
  ended: new Map(),
  events: new Map(),
  submittedAt: new Map(),
  stoppingAt: new Map(),
  seen: 0,
  position: "",
});

const WORKSPACE = "default";

/** Reads what is new and checks it. Throws the first violation. */
export async function check(world: World, account: Account): Promise<JobView[]> {
  const jobs = await allJobs(world);
  await readEvents(world, account);
  const wrong = [
    ...terminalNeverChanges(jobs, account),
    ...eventsAreGapFree(jobs, account),
    ...(await limitsHold(world, jobs)),
    ...treesHold(jobs, account),
    ...endsAreTrue(world, jobs),
    ...nothingIsBlamed(jobs),
    ...handlersBeginOnce(world),
    ...(await launchesAreTrue(world, account)),
    ...listenersHeardAll(world),
    ...queuesHold(world, jobs, account),
  ];
  if (wrong.length > 0) throw new Error(`seed ${world.seed}: ${wrong.slice(0, 3).join("; ")}`);
  return jobs;
}

async function allJobs(world: World): Promise<JobView[]> {
  const jobs: JobView[] = [];
  for (let after: string | undefined; ; after = jobs.at(-1)?.record.id) {
    const page = await world.store.reads.list({
      workspace: WORKSPACE,
      order: "oldest",
      limit: 500,
      ...(after === undefined ? {} : { after }),
    });
    jobs.push(...page);
    if (page.length < 500) return jobs;
  }
}

async function readEvents(world: World, account: Account): Promise<void> {
  for (;;) {
    const entries = await world.store.reads.feed(account.position, 500);
    for (const { event, position } of entries) {
      const own = account.events.get(event.jobId) ?? [];
      account.events.set(event.jobId, own);
      own.push(event);
      account.seen++;
      if (event.type === "job.submitted") account.submittedAt.set(event.jobId, account.seen);
      if (event.type === "job.stopping") account.stoppingAt.set(event.jobId, account.seen);
      account.position = position;
    }
    if (entries.length < 500) return;
  }
}

function terminalNeverChanges(jobs: readonly JobView[], account: Account): string[] {
  return jobs.flatMap((job) => {
    if (job.final === null) return account.ended.has(job.record.id) ? [`${job.record.id} lives again after it had ended`] : [];
    const now = JSON.stringify(job.final);
    const before = account.ended.get(job.record.id) ?? now;
    account.ended.set(job.record.id, before);
    return before === now ? [] : [`${job.record.id} changed after its end: ${before} → ${now}`];
  });
}

/** All that is submitted here can be carried out: a fault of the store is no fault of a job. */
function nothingIsBlamed(jobs: readonly JobView[]): string[] {
  return jobs.flatMap(({ record, final }) =>
    final?.reason === "bad_spec" ? [`${record.id} is blamed for what the store did not answer: ${final.message}`] : [],
  );
}

function eventsAreGapFree(jobs: readonly JobView[], account: Account): string[] {
  return jobs.flatMap(({ record, live }) => {
    const events = account.events.get(record.id) ?? [];
    const gap = events.findIndex((event, i) => event.seq !== i + 1);
    if (gap >= 0) return [`${record.id}: event ${gap + 1} has number ${events[gap]?.seq}`];
    if (live !== null && live.eventSeq !== events.length)
      return [`${record.id}: ${events.length} events in the feed, ${live.eventSeq} in the job`];
    const end = events.findIndex((event) => event.type === "job.finished");
    return end >= 0 && end !== events.length - 1 ? [`${record.id}: an event follows its end`] : [];
  });
}

async function limitsHold(world: World, jobs: readonly JobView[]): Promise<string[]> {
  const wrong: string[] = [];
  const alive = new Map<string, { limit: number; count: number }>();
  for (const { record, live } of jobs) {
    if (record.concurrency === null || live === null || live.attempt === 0 || live.state === "scheduled" || live.state === "queued")
      continue;
    const entry = alive.get(record.concurrency.key) ?? { limit: 0, count: 0 };
    alive.set(record.concurrency.key, { limit: Math.max(entry.limit, record.concurrency.limit), count: entry.count + 1 });
  }
  for (const [key, { limit, count }] of alive) {
    if (count > limit) wrong.push(`key ${key}: ${count} alive, limit ${limit}`);
    const { holders } = await world.store.reads.keyHolders(key);
    if (holders.length > limit) wrong.push(`key ${key}: held by ${holders.join(", ")}, limit ${limit}`);
  }
  return wrong;
}

/** Children begin only under a parent that is not stopping, and only when what they need has ended; each exists once. */
function treesHold(jobs: readonly JobView[], account: Account): string[] {
  const byId = new Map(jobs.map((job) => [job.record.id, job]));
  const keys = new Set<string>();
  return jobs.flatMap(({ record, final }) => {
    if (record.parentId === null) return [];
    const key = `${record.parentId} ${record.childKey}`;
    if (keys.has(key)) return [`${record.parentId} has two children "${record.childKey}"`];
    keys.add(key);
    const parent = byId.get(record.parentId);
    const stopping = account.stoppingAt.get(record.parentId) ?? Infinity;
    if ((account.submittedAt.get(record.id) ?? 0) > stopping) return [`${record.id} was made after its parent had been told to stop`];
    if (parent !== undefined && parent.final !== null && final === null) return [`${record.parentId} ended before its child ${record.id}`];
    return neededFirst(record.parentId, { jobs, byId, account });
  });
}

function neededFirst(
  parentId: string,
  { byId, jobs, account }: { readonly jobs: readonly JobView[]; readonly byId: ReadonlyMap<string, JobView>; readonly account: Account },
): string[] {
  const parent = byId.get(parentId);
  const nodes = (parent?.record.spec as { nodes?: { key: string; needs: string[] }[] } | undefined)?.nodes ?? [];
  const children = new Map(jobs.filter((job) => job.record.parentId === parentId).map((job) => [job.record.childKey, job]));
  return nodes.flatMap(({ key, needs }) => {
    const child = children.get(key);
    if (child === undefined) return parent?.final?.outcome === "succeeded" ? [`${parentId} succeeded without its node ${key}`] : [];
    const begun = account.events.get(child.record.id)?.[0]?.at ?? 0;
    const early = needs.filter((need) => {
      const end = children.get(need)?.final?.finishedAt;
      return end === undefined || end > begun;
    });
    return early.length > 0 ? [`${child.record.id} (${key}) began before ${early.join(", ")} had ended`] : [];
  });
}

/** How a job ended is what the attempt that is said to have ended it really answered. */
function endsAreTrue(world: World, jobs: readonly JobView[]): string[] {
  return jobs.flatMap(({ record, final }) => {
    if (final === null) return [];
    if (final.outcome === "expired" && final.attempts > 0) return [`${record.id} expired after it was started`];
    if (final.outcome !== "succeeded") return [];
    if (record.executor === "handler" && isJsonObject(final.output) && final.output["attempt"] !== undefined) {
      const answered = world.runs.some(
        (run) => run.jobId === record.id && run.attempt === final.attempts && (run.answer === "ok" || run.answer === "parked"),
      );
      if (!answered || final.output["attempt"] !== final.attempts)
        return [`${record.id} succeeded by attempt ${final.attempts}, which did not answer so: ${JSON.stringify(final.output)}`];
    }
    if (record.executor === "process") {
      const launches = world.sites
        .flatMap((site) => [...site.history.values()].flat())
        .filter((launch) => launch.request.jobId === record.id && launch.request.attempt === final.attempts);
      if (!launches.some((launch) => launch.end?.result.outcome === "succeeded"))
        return [`${record.id} succeeded, but no launch of attempt ${final.attempts} did`];
    }
    return [];
  });
}

/** An attempt that has begun is never given back as if it had not. */
function handlersBeginOnce(world: World): string[] {
  const seen = new Set<string>();
  return world.runs.flatMap(({ jobId, attempt }) => {
    const key = `${jobId} ${attempt}`;
    if (seen.has(key)) return [`attempt ${attempt} of ${jobId} was begun twice`];
    seen.add(key);
    return [];
  });
}

/** An attempt has one name and is launched once; the site loses nothing, so nothing may count as vanished. */
async function launchesAreTrue(world: World, account: Account): Promise<string[]> {
  const wrong: string[] = [];
  const names = new Map<string, string>();
  for (const [name, launches] of world.sites.flatMap((site) => [...site.history])) {
    const { jobId, attempt } = launches[0]?.request ?? { jobId: "", attempt: 0 };
    const other = names.get(`${jobId} ${attempt}`);
    if (other !== undefined) wrong.push(`attempt ${attempt} of ${jobId} was launched as ${other} and as ${name}`);
    names.set(`${jobId} ${attempt}`, name);
    for (const again of launches.slice(1)) {
      const ended = (await world.store.reads.attempts(jobId)).find((kept) => kept.number === attempt)?.endedAt ?? Infinity;
      if (ended > again.startedAt) wrong.push(`${name} was launched again while its attempt was alive`);
    }
  }
  for (const [jobId, events] of account.events) {
    const vanished = events.find((event) => isJsonObject(event.data) && event.data["reason"] === "vanished_unobserved");
    if (vanished !== undefined) wrong.push(`attempt ${vanished.attempt} of ${jobId} counts as vanished`);
  }
  return wrong;
}

function listenersHeardAll(world: World): string[] {
  return world.listeners.flatMap(({ wrong }) => (wrong === null ? [] : [wrong]));
}

/** At rest every listener has heard of everything, also one that came late. */
export function listenersAreComplete(world: World, account: Account): void {
  for (const { last } of world.listeners) {
    for (const [jobId, events] of account.events) {
      if (last.get(jobId) !== events.length)
        throw new Error(`seed ${world.seed}: a listener heard ${last.get(jobId) ?? 0} of ${events.length} events of ${jobId}`);
    }
  }
}
