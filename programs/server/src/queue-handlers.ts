/** The operations on queues. A queue is there as soon as a job names it, somebody sets it or a worker serves it. */
import type { QueueJson, SweptJson } from "@windlass/contract";
import type { Swept, WaitingFilter } from "@windlass/engine";
import {
  didYouMean,
  faultOfNamedQueue,
  hasCode,
  QUEUE_NAME,
  QUEUE_NAME_RULE,
  queueKeyOf,
  queueOfKey,
  unsetQueue,
  WindlassError,
  type QueueView,
} from "@windlass/kernel";
import { definedOnly } from "./defined-only.ts";
import { pageOf } from "./page-of.ts";
import { maybeTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function queueHandlers({ engine: { context, queues: waiting } }: ServerContext): Handlers<"queues"> {
  const { queues } = context.store;
  return {
    list: async ({ query }, { workspace }) => pageOf(await ofWorkspace(workspace), query, ({ name }) => name),
    get: async ({ params }, { workspace }) => find(workspace, params.name),
    async put({ params: { name }, body }, { principal, workspace, expected }) {
      checkName("name", name);
      const named = faultOfNamedQueue(name);
      if (named !== null) throw new WindlassError("invalid", named, { faults: [{ path: "name", message: named }] });
      const key = queueKeyOf(workspace, name);
      const change = { ...definedOnly(body), ...(body.paused === true ? { by: principal.name } : {}) };
      await waiting.set(key, change, expected);
      return find(workspace, name);
    },
    async delete({ params: { name } }, { workspace, expected }) {
      demandForgettable(await find(workspace, name));
      await queues.remove(queueKeyOf(workspace, name), expected);
      return { name };
    },
    async move({ params: { name }, body: { to, dryRun, ...narrowed } }, { principal, workspace }) {
      checkName("to", to);
      await find(workspace, name);
      const filter = waitingOf(queueKeyOf(workspace, name), narrowed);
      return presentSwept(await waiting.move(filter, { to: queueKeyOf(workspace, to), by: principal.name, dryRun }));
    },
    async purge({ params: { name }, body: { dryRun, remove, ...narrowed } }, { principal, workspace }) {
      await find(workspace, name);
      const filter = waitingOf(queueKeyOf(workspace, name), narrowed);
      return presentSwept(await waiting.purge(filter, { by: principal.name, dryRun, remove }));
    },
  };

  async function ofWorkspace(workspace: string): Promise<QueueJson[]> {
    return (await queues.list()).flatMap((queue) => {
      const of = queueOfKey(queue.name);
      return of.workspace === workspace ? [presentQueue({ ...queue, name: of.name })] : [];
    });
  }

  async function find(workspace: string, name: string): Promise<QueueJson> {
    try {
      return await stored(workspace, name);
    } catch (error) {
      if (!hasCode(error, "not_found") || !(await isKnown(workspace, name))) throw error;
      return presentQueue({ ...unsetQueue(name), ...NOTHING_ALIVE });
    }
  }

  /** One of which something is alive or set. */
  async function stored(workspace: string, name: string): Promise<QueueJson> {
    const all = await ofWorkspace(workspace);
    const found = all.find((queue) => queue.name === name);
    if (found === undefined)
      throw new WindlassError(
        "not_found",
        `there is no queue ${name}${didYouMean(
          name,
          all.map((queue) => queue.name),
        )}`,
      );
    return found;
  }

  /** A queue that is empty at the moment is there, for whoever serves it and for whoever looks how much of it is left. */
  async function isKnown(workspace: string, name: string): Promise<boolean> {
    const key = queueKeyOf(workspace, name);
    const sessions = await context.store.sessions.list();
    if (sessions.some(({ serves }) => serves.some(({ queue }) => queue === key))) return true;
    return (await context.store.reads.list({ workspace, queue: key, limit: 1 })).length > 0;
  }
}

/** Throws `conflict` while anything of it is alive, and `not_found` where nobody has set anything. */
function demandForgettable({ name, scheduled, queued, running, waiting, revision }: QueueJson): void {
  const alive = scheduled + queued + running + waiting;
  if (alive > 0)
    throw new WindlassError(
      "conflict",
      `queue ${name} holds ${alive} ${alive === 1 ? "job" : "jobs"}; move or purge what waits, and let the rest end`,
    );
  // Somebody serves it, or has worked with it.
  if (revision === 0) throw new WindlassError("not_found", `nothing was set of queue ${name}: there is nothing to forget`);
}

const NOTHING_ALIVE = { scheduled: 0, queued: 0, running: 0, waiting: 0, attemptsAlive: 0, oldestQueuedAt: null } as const;

function checkName(path: string, name: string): void {
  if (QUEUE_NAME.test(name)) return;
  const message = `"${name}" cannot name a queue; a name has ${QUEUE_NAME_RULE}`;
  throw new WindlassError("invalid", message, { faults: [{ path, message }] });
}

function presentQueue(queue: QueueView): QueueJson {
  return { ...queue, pausedAt: maybeTime(queue.pausedAt), oldestQueuedAt: maybeTime(queue.oldestQueuedAt) };
}

interface Narrowed {
  readonly jobName?: string | undefined;
  readonly fairnessKey?: string | undefined;
  readonly cursor?: string | undefined;
}

function waitingOf(queue: string, { jobName, fairnessKey, cursor }: Narrowed): WaitingFilter {
  return { queue, name: jobName, fairnessKey, after: cursor };
}

function presentSwept({ next, ...swept }: Swept): SweptJson {
  return { ...swept, more: next !== null, nextCursor: next };
}
