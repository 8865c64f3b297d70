/** The operations on jobs that answer at once; logs and watches have files of their own. */
import { problemOf, type Operations, type Result } from "@windlass/contract";
import { hasCode, wholeSeconds, WindlassError, type JobView } from "@windlass/kernel";
import type { JobsWithin, Submitted, SubmitRequest } from "@windlass/engine";
import type { JobReads } from "@windlass/ports";
import { writtenAhead } from "./answer-text.ts";
import { definedOnly } from "./defined-only.ts";
import { filterOf } from "./job-filter.ts";
import { maybeTime, presentAttempt, presentDetail, presentEvent, presentJob } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";
import { requestOf } from "./submitted-request.ts";

/** Children that one answer shows. */
const STEPS_MAX = 1_000;
const PAGE = 500;

/** The others are in files of their own. */
type Elsewhere =
  | "watch"
  | "logs"
  | "rawLogs"
  | "followLogs"
  | "counts"
  | "resume"
  | "cancelMany"
  | "retryMany"
  | "clean"
  | "signal"
  | "approve"
  | "reject";
type JobHandlers = Omit<Handlers<"jobs">, Elsewhere>;

export function jobHandlers({ engine }: ServerContext): JobHandlers {
  const { context, explain } = engine;
  const { reads } = context.store;
  return {
    async submit({ body }, { principal, jobs }) {
      let expected: SubmittedAnswer | undefined;
      const result = await jobs.submit(requestOf(body, principal.name), (view) => {
        // Behind the store's own sending, which waits for the end of this turn.
        process.nextTick(() => void (expected = writtenAhead(answered({ id: view.record.id, created: true }, view))));
      });
      return result.created && expected?.id === result.id ? expected : submitted(engine, result);
    },
    async submitMany({ body }, { principal, jobs }) {
      const requests = body.jobs.map((job) => requestOf(job, principal.name));
      return { results: await answersTo({ engine, jobs }, requests, body.withJobs) };
    },
    async list({ query }, { workspace }) {
      const { cursor, limit, parentId, rootId, rootsOnly, order } = query;
      const filter = {
        ...definedOnly({ parentId, rootId, rootsOnly, order }),
        ...filterOf(workspace, query),
        // One more than asked for, to know whether there is a next page.
        limit: limit + 1,
        ...(cursor === undefined ? {} : { after: cursor }),
      };
      const views = await reads.list(filter);
      const items = views.slice(0, limit).map(presentJob);
      return { items, nextCursor: views.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async get({ params }, { jobs }) {
      const view = await jobs.get(params.id);
      const children = view.record.executor === "none" ? await childrenOf(reads, view) : { views: [], cut: false };
      return presentDetail(view, { ...children, position: await engine.position(view) });
    },
    async attempts({ params }, { jobs }) {
      await jobs.get(params.id);
      return { items: (await reads.attempts(params.id)).map(presentAttempt) };
    },
    async events({ params, query }, { jobs }) {
      await jobs.get(params.id);
      const events = await reads.events(params.id, query.after, query.limit + 1);
      return { items: events.slice(0, query.limit).map((event) => presentEvent(event)), more: events.length > query.limit };
    },
    async cancel({ params, body }, { principal, jobs }) {
      const { message, graceSeconds } = body;
      await jobs.cancel(params.id, {
        by: principal.name,
        ...(message === undefined ? {} : { message }),
        ...(graceSeconds === undefined ? {} : { graceMs: wholeSeconds(graceSeconds) }),
      });
      return presentJob(await jobs.get(params.id));
    },
    retry: async ({ params }, { principal, jobs }) => submitted(engine, { id: await jobs.retry(params.id, principal.name), created: true }),
    async complete({ body: { token, output, failed } }) {
      if (output !== undefined && failed !== undefined)
        throw new WindlassError("invalid", "output and failed exclude each other", {
          faults: [{ path: "failed", message: "give either output or failed" }],
        });
      return presentJob(
        await engine.jobs.get(await engine.jobs.complete(token, failed === undefined ? { output: output ?? null } : { failed })),
      );
    },
    async explain({ params }, { jobs }) {
      await jobs.get(params.id);
      const { view, causes } = await explain(params.id);
      return { job: presentJob(view), causes: causes.map((cause) => ({ ...cause, since: maybeTime(cause.since) })) };
    },
    delete: async ({ params }, { jobs }) => ({ removed: await jobs.remove(params.id) }),
  };
}

/** The children that are shown of a job, in the order in which they were made. */
async function childrenOf(reads: JobReads, view: JobView): Promise<{ readonly views: readonly JobView[]; readonly cut: boolean }> {
  const views: JobView[] = [];
  for (;;) {
    const after = views.at(-1)?.record.id;
    const page = await reads.list({
      workspace: view.record.workspace,
      parentId: view.record.id,
      order: "oldest",
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    views.push(...page);
    if (page.length < PAGE) return { views: views.slice(0, STEPS_MAX), cut: views.length > STEPS_MAX };
    if (views.length > STEPS_MAX) return { views: views.slice(0, STEPS_MAX), cut: true };
  }
}

interface SubmittedAnswer {
  readonly id: string;
  readonly created: boolean;
  readonly job: ReturnType<typeof presentJob>;
}

/** What `submit`, `retry` and `run` answer. */
export async function submitted(engine: ServerContext["engine"], result: Submitted): Promise<SubmittedAnswer> {
  return answered(result, result.view ?? (await engine.jobs.get(result.id)));
}

function answered({ id, created }: Submitted, view: JobView): SubmittedAnswer {
  return { id, created, job: presentJob(view) };
}

type Answer = Result<Operations["jobs"]["submitMany"]>["results"][number];

interface Asked {
  readonly engine: ServerContext["engine"];
  readonly jobs: JobsWithin;
}

/** To each of many that are submitted. */
async function answersTo({ engine, jobs }: Asked, requests: readonly SubmitRequest[], withJobs: boolean): Promise<Answer[]> {
  const results = await jobs.submitMany(requests);
  const answers = results.map((result, i) => answerOf(engine, result, withJobs ? () => jobs.submit(requests[i] as SubmitRequest) : null));
  const isAnswer = (one: Answer | Promise<Answer>): one is Answer => !(one instanceof Promise);
  return answers.every(isAnswer) ? answers : Promise.all(answers.map(async (one) => one));
}

/**
 * To one of many that were submitted; a promise only where its job has to be read. `again` submits one that was deleted since it was found,
 * as of a single submit; null: the job is not asked for.
 */
function answerOf(
  engine: ServerContext["engine"],
  result: Submitted | WindlassError,
  again: (() => Promise<Submitted>) | null,
): Answer | Promise<Answer> {
  if (result instanceof WindlassError) return { problem: problemOf(result) };
  const { id, created } = result;
  if (again === null) return { id, created };
  const { view } = result;
  if (view !== undefined) return { id, created, job: presentJob(view) };
  return submitted(engine, result)
    .catch(async (error: unknown) => {
      if (!hasCode(error, "not_found")) throw error;
      return submitted(engine, await again());
    })
    .catch((error: unknown) => {
      if (error instanceof WindlassError) return { problem: problemOf(error) };
      throw error;
    });
}
