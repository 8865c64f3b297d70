/**
 * Why a job does not run, or why it died: one ordered chain of causes, built from stored facts, never guessed. The first
 * cause is the nearest; for a job that waits for children, their causes follow.
 */
import {
  didYouMean,
  isId,
  isOutOfBand,
  queueOfKey,
  REASONS,
  servesQueue,
  WindlassError,
  type FinalState,
  type JobView,
  type LiveJob,
  type Observed,
  type Reason,
  handlerNameOf,
} from "@windlass/kernel";
import type { Executor, Session } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { heldByQueue } from "./explain-queue.ts";
import { awaitedRunner } from "./explain-runner.ts";
import { missingSecrets } from "./given-secrets.ts";
import type { Cause } from "./job-kind.ts";

export interface ExplainedCause extends Cause {
  /** How many causes it is below the job that was asked about: what follows one level deeper explains it. */
  readonly depth: number;
  /** What to do about it; empty when there is nothing to do. */
  readonly todo: string;
}

type Placed = Cause & { readonly depth?: number };

export interface Explanation {
  readonly view: JobView;
  readonly causes: readonly ExplainedCause[];
}

export type Explain = (id: string) => Promise<Explanation>;

/** Children whose causes are followed; the others are counted. */
const CHILDREN_MAX = 5;
/** How deep the chain goes. */
const DEPTH_MAX = 6;

export function explainer(context: EngineContext, executors: readonly Executor[]): Explain {
  return async (id) => {
    const view = await context.store.reads.get(id);
    if (view === null) throw new WindlassError("not_found", `there is no job ${id}`);
    const causes = await causesOf({ context, executors }, view, 0);
    return { view, causes: causes.map((cause) => ({ depth: 0, ...cause, todo: todoFor(cause) })) };
  };
}

/** The advice of the reason, with the queue or the secret that it is about. */
function todoFor({ reason, object }: Cause): string {
  if (reason === "secret_missing")
    return object === null || isId("job", object) ? REASONS[reason].todo : REASONS[reason].todo.replace("<name>", object);
  return REASONS[reason].todo.replace("<queue>", object ?? "<queue>");
}

interface Facts {
  readonly context: EngineContext;
  readonly executors: readonly Executor[];
}

async function causesOf(facts: Facts, view: JobView, depth: number): Promise<Placed[]> {
  const own = facts.context.kindOf(view.record.kind)?.explain?.(view) ?? [];
  const found = await becauseOf(facts, view, depth);
  return [...found, ...own].map((cause) => ({ depth, ...cause }));
}

async function becauseOf(facts: Facts, view: JobView, depth: number): Promise<Placed[]> {
  if (view.final !== null) return endedBecause(facts, view, { final: view.final, depth });
  if (view.live === null) return [];
  return [...(await lacksSecrets(facts, view, view.live)), ...(await livesBecause(facts, view, { live: view.live, depth }))];
}

/** First, for it cannot be started whatever else holds it back. */
async function lacksSecrets({ context }: Facts, { record }: JobView, live: LiveJob): Promise<Placed[]> {
  if (live.state !== "queued" && live.state !== "scheduled") return [];
  const missing = await missingSecrets(context, record);
  return missing === null ? [] : [cause("secret_missing", missing.message, { object: missing.aliases[0] ?? null })];
}

async function livesBecause(
  facts: Facts,
  view: JobView,
  { live, depth }: { readonly live: LiveJob; readonly depth: number },
): Promise<Placed[]> {
  switch (live.state) {
    case "scheduled":
      return scheduledBecause(facts, view, live);
    case "queued":
      return queuedBecause(facts, view, { live, depth });
    case "waiting":
      return [waitingBecause(view, live)];
    case "stopping":
      return [
        cause(
          "is_stopping",
          `${describe(view)} was told to end by ${live.stop?.by ?? "somebody"} at ${iso(live.stop?.at ?? null)}: ${live.stop?.message ?? live.stop?.reason ?? ""}`,
          {
            object: live.id,
            since: live.stop?.at ?? null,
          },
        ),
        ...(await openChildren(facts, view, depth)),
      ];
    case "running":
      return runningBecause(facts, view, { live, depth });
  }
}

function waitingBecause(view: JobView, live: LiveJob): Placed {
  const about = { object: live.id, since: live.attemptStartedAt };
  const end = live.dueAt ?? live.deadlineAt;
  const atLatest = end === null ? "" : `, at the latest at ${iso(end)}`;
  const what = describe(view);
  switch (live.wait?.for) {
    case "completion":
      return cause("waiting_completion", `${what} is parked until it is completed with its token${atLatest}`, about);
    case "signal":
      return cause("waiting_signal", `${what} waits for the signal "${live.wait.name}"${atLatest}`, about);
    case "approval": {
      const { by, text } = live.wait;
      const from = by.length === 0 ? "somebody who may approve" : by.join(" or ");
      return cause("waiting_approval", `${what} waits for the approval of ${from}${atLatest}${text === null ? "" : `: ${text}`}`, about);
    }
    default:
      return cause("waiting_time", `${what} waits until ${iso(live.dueAt)}`, about);
  }
}

async function scheduledBecause(facts: Facts, view: JobView, live: LiveJob): Promise<Placed[]> {
  const { context } = facts;
  const reason: Reason = live.dueReason ?? "not_before";
  const why = reason === "not_before" ? "" : `: ${REASONS[reason].meaning}`;
  const first = cause(reason, `it is not to start before ${iso(live.dueAt)}${why}`, { object: live.id });
  if (reason === "handler_unknown") {
    const now = await unservedBecause(facts, view, { live, sessions: await openSessions(context) });
    return now.reason === "ready" ? [first] : [now, first];
  }
  if (reason !== "back_off") return [first];
  const last = (await context.store.reads.attempts(live.id)).at(-1);
  return last?.reason === null || last === undefined
    ? [first]
    : [
        first,
        cause(last.reason, `attempt ${last.number} ended: ${last.message ?? last.outcome ?? ""}`, { object: live.id, since: last.endedAt }),
      ];
}

async function queuedBecause(
  facts: Facts,
  view: JobView,
  { live, depth }: { readonly live: LiveJob; readonly depth: number },
): Promise<Placed[]> {
  const { context } = facts;
  if (live.blocked && live.concurrencyKey !== null) {
    const { limit, holders } = await context.store.reads.keyHolders(live.concurrencyKey);
    const key = live.concurrencyKey.slice(live.concurrencyKey.indexOf("/") + 1);
    return [
      cause("key_held", `its concurrency key "${key}" is held by ${holders.join(", ") || "nobody any more"} (limit ${limit})`, {
        object: holders[0] ?? key,
      }),
      ...(await holderOf(facts, holders, depth)),
    ];
  }
  const held = await heldByQueue(context, live);
  if (held !== null) return [held];
  const sessions = await openSessions(context);
  const runner = await runnerBecause(facts, view, { live, depth, sessions });
  return runner ?? [await unservedBecause(facts, view, { live, sessions })];
}

/** Null: it waits for no runner. What holds the runner back follows. */
async function runnerBecause(
  facts: Facts,
  view: JobView,
  { live, depth, sessions }: { readonly live: LiveJob; readonly depth: number; readonly sessions: readonly Session[] },
): Promise<Placed[] | null> {
  if (live.executor !== "handler" || servingOf(sessions, live).length > 0) return null;
  const runner = await awaitedRunner(facts.context, queueOfKey(live.queue).name);
  if (runner === null) return null;
  const first = cause("waiting_runner", runner.message, { object: runner.object, since: view.record.createdAt });
  const held = runner.waits && depth < DEPTH_MAX ? await facts.context.store.reads.get(runner.object) : null;
  return held === null ? [first] : [first, ...(await causesOf(facts, held, depth + 1))];
}

/** What the open sessions serve of its executor and queue. */
function servingOf(sessions: readonly Session[], { executor, queue }: LiveJob): Session["serves"] {
  const serves = sessions.flatMap((session) => session.serves);
  return serves.filter((served) => served.executor === executor && servesQueue(served.queue, queue));
}

/** What the first of those does that hold its key, or waits for itself. */
async function holderOf(facts: Facts, holders: readonly string[], depth: number): Promise<Placed[]> {
  const [first] = holders;
  if (first === undefined || depth >= DEPTH_MAX) return [];
  const holder = await facts.context.store.reads.get(first);
  return holder === null ? [] : causesOf(facts, holder, depth + 1);
}

async function openSessions(context: EngineContext): Promise<Session[]> {
  return (await context.store.sessions.list()).filter((session) => session.expiresAt >= context.now());
}

async function unservedBecause(
  { context, executors }: Facts,
  view: JobView,
  { live, sessions }: { readonly live: LiveJob; readonly sessions: readonly Session[] },
): Promise<Placed> {
  const { workspace, name } = queueOfKey(live.queue);
  const serving = servingOf(sessions, live);
  if (serving.length === 0 && live.executor === "handler") {
    const queues = sessions
      .flatMap((session) => session.serves)
      .filter((served) => served.executor === "handler")
      .map((served) => queueOfKey(served.queue))
      .filter((queue) => queue.workspace === workspace)
      .map((queue) => queue.name);
    return cause("no_worker", `no worker serves queue "${name}"${didYouMean(name, queues)}`, {
      object: name,
      since: view.record.createdAt,
    });
  }
  if (serving.length === 0)
    return cause("no_executor", withoutExecutor(live, sessions), {
      object: live.executor,
      since: view.record.createdAt,
    });
  const handler = handlerNameOf(view.record);
  const known = serving.flatMap((served) => served.handlers ?? []);
  if (live.executor === "handler" && !known.includes(handler)) {
    return cause("handler_unknown", `no worker of queue "${name}" knows the handler "${handler}"${didYouMean(handler, known)}`, {
      object: handler,
    });
  }
  const executor = executors.find((candidate) => candidate.name === live.executor);
  if (executor !== undefined && isOutOfBand(live.executor)) {
    const running = (await context.store.jobs.live({ place: executor.place, states: ["running", "stopping"] }, executor.runningMax)).length;
    if (running >= executor.runningMax)
      return cause(
        "executor_full",
        `the ${live.executor} executor runs ${running} ${running === 1 ? "attempt" : "attempts"}; its limit is ${executor.runningMax}`,
        {
          object: executor.place,
        },
      );
  }
  return cause("ready", `nothing holds it back; it is next in order in queue "${name}"`, { object: name });
}

/** Executors of images, and how a server comes to have each. */
const OF_IMAGES: ReadonlyMap<string, string> = new Map([
  ["kubernetes", "give a server the way to a cluster"],
  ["docker", "install podman or Docker where a server runs"],
]);

/** What lacks, what to install, and what could be chosen in its place. */
function withoutExecutor({ executor, queue }: LiveJob, sessions: readonly Session[]): string {
  const lacking = `no server here has the executor "${executor}"`;
  const how = OF_IMAGES.get(executor);
  if (how === undefined) return lacking;
  const serves = sessions.flatMap((session) => session.serves).filter((served) => servesQueue(served.queue, queue));
  const others = [...OF_IMAGES.keys()].filter((other) => serves.some((served) => served.executor === other));
  const choice = others.length === 0 ? "" : `, choose ${others.join(" or ")}, which a server here has`;
  return `${lacking}, which runs images: ${how}${choice}, or run its command without the image: --executor process`;
}

async function runningBecause(
  facts: Facts,
  view: JobView,
  { live, depth }: { readonly live: LiveJob; readonly depth: number },
): Promise<Placed[]> {
  if (live.executor === "none") {
    if (live.openChildren === 0)
      return [cause("is_running", `${describe(view)} is deciding what is next`, { object: live.id, since: live.startedAt })];
    const children = await openChildren(facts, view, depth);
    return [
      cause("waiting_children", `${describe(view)} waits for ${live.openChildren} ${live.openChildren === 1 ? "child" : "children"}`, {
        object: live.id,
        since: live.startedAt,
      }),
      ...children,
    ];
  }
  if (live.phase === "launching" && live.observed === null)
    return [
      cause("launching", `attempt ${live.attempt} is being started by the ${live.executor} executor`, {
        object: live.externalName,
        since: live.attemptStartedAt,
      }),
    ];
  if (live.observed !== null) return [outsideBecause(view, live, live.observed)];
  const where = live.externalName === null ? `worker ${live.session ?? "?"}` : `${live.executor} ${live.externalName}`;
  return [
    cause("is_running", `${describe(view)}: attempt ${live.attempt} runs in ${where} since ${iso(live.attemptStartedAt)}`, {
      object: live.externalName ?? live.session,
      since: live.attemptStartedAt,
    }),
  ];
}

/** As whoever watches its place has told it. */
function outsideBecause(view: JobView, live: LiveJob, { state, reason, message, since, node }: Observed): Placed {
  const what = `${describe(view)}: attempt ${live.attempt} is parked on ${live.executor} ${live.externalName ?? "?"}`;
  const more = { object: live.externalName, since };
  const on = typeof node === "string" ? ` on ${node}` : "";
  if (state === "running") return cause(reason ?? "is_running", `${what}, which runs${on} since ${iso(since)}${colon(message)}`, more);
  return cause(reason ?? "pending_outside", `${what}, which has not begun since ${iso(since)}${colon(message)}`, more);
}

function colon(message: string | null): string {
  return message === null ? "" : `: ${message}`;
}

async function openChildren(facts: Facts, view: JobView, depth: number): Promise<Placed[]> {
  if (depth >= DEPTH_MAX) return [];
  const { context } = facts;
  const children = await context.store.jobs.live({ parentId: view.record.id }, CHILDREN_MAX);
  const causes: Placed[] = [];
  for (const child of children) {
    const childView = await context.store.reads.get(child.id);
    if (childView !== null) causes.push(...(await causesOf(facts, childView, depth + 1)));
  }
  return causes;
}

/** A job that ended badly: its own account first, then the children that failed, which are what it is about. */
async function endedBecause(
  facts: Facts,
  view: JobView,
  { final, depth }: { readonly final: FinalState; readonly depth: number },
): Promise<Placed[]> {
  const { context } = facts;
  const took = final.attempts > 1 ? ` after ${final.attempts} attempts` : "";
  const exit = final.exitCode === null || (final.message ?? "").includes("exit code") ? "" : ` (exit code ${final.exitCode})`;
  const first = cause(final.reason, `${describe(view)} ${final.state}${took}: ${final.message ?? REASONS[final.reason].meaning}${exit}`, {
    object: view.record.id,
    since: final.finishedAt,
  });
  if (final.state === "succeeded" || depth >= DEPTH_MAX) return [first];
  const causes: Placed[] = [first];
  for (const child of await failedChildren(context, view)) causes.push(...(await causesOf(facts, child, depth + 1)));
  return causes;
}

/** Failed children that are looked at to find those that count. */
const FAILED_MAX = 200;

/** Those that the job ended for, where its kind has said so (`evidence.children`, their keys); else all that failed. */
async function failedChildren({ store }: EngineContext, { record }: JobView): Promise<readonly JobView[]> {
  const evidence = (await store.reads.attempts(record.id)).at(-1)?.evidence;
  const blamed = Array.isArray(evidence?.["children"]) ? new Set<unknown>(evidence["children"]) : null;
  const failed = await store.reads.list({
    workspace: record.workspace,
    parentId: record.id,
    states: ["failed", "expired"],
    order: "oldest",
    limit: FAILED_MAX,
  });
  return failed.filter((child) => blamed === null || blamed.has(child.record.childKey)).slice(0, CHILDREN_MAX);
}

function cause(reason: Reason, message: string, more: { readonly object?: string | null; readonly since?: number | null } = {}): Cause {
  return { reason, message, object: more.object ?? null, since: more.since ?? null };
}

function describe(view: JobView): string {
  return `${view.record.kind} "${view.record.name}"`;
}

function iso(at: number | null): string {
  return at === null ? "an unknown time" : new Date(at).toISOString();
}
