/** Who carries jobs out, as far as the workspace of the call may know: who serves it, and what they do for it. */
import type { WorkerJson } from "@windlass/contract";
import { ADMIN } from "@windlass/engine";
import { queueOfKey, queuesServed, servesWorkspace, WindlassError, type LiveJob } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import { pageOf } from "./page-of.ts";
import { isoTime, maybeTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

const SHOWN_MAX = 100;
const COUNTED_MAX = 1_000;
const ALL = queuesServed();

export function workerHandlers({ engine: { context } }: ServerContext): Handlers<"workers"> {
  const { sessions, jobs, tokens } = context.store;

  /** The admin token is in no store. A runner's is for one execution, and has no name. */
  const tokenNames = async (): Promise<ReadonlyMap<string, string>> =>
    new Map([[ADMIN, ADMIN], ...(await tokens.list()).map(({ id, name }) => [id, name] as const)]);

  /** Those of other workspaces that one worker serves too are not there. */
  const held = async (session: Session, workspace: string): Promise<readonly LiveJob[]> =>
    (await jobs.live({ session: session.id }, COUNTED_MAX)).filter((live) => queueOfKey(live.queue).workspace === workspace);

  const within = async (workspace: string): Promise<readonly Session[]> =>
    (await sessions.list()).flatMap((session) => {
      const serves = session.serves.filter(({ queue }) => servesWorkspace(queue, workspace));
      return serves.length === 0 ? [] : [{ ...session, serves }];
    });

  return {
    async list({ query }, { workspace }) {
      const { items, nextCursor } = pageOf(await within(workspace), query, ({ id }) => id);
      const names = await tokenNames();
      const counted = items.map(async (session) => presentWorker(session, { names, running: (await held(session, workspace)).length }));
      return { items: await Promise.all(counted), nextCursor };
    },
    async get({ params: { id } }, { workspace }) {
      const session = (await within(workspace)).find((one) => one.id === id);
      if (session === undefined)
        throw new WindlassError(
          "not_found",
          `there is no worker ${id}; one that has connected again has another id: windlass workers list`,
        );
      const live = await held(session, workspace);
      return {
        ...presentWorker(session, { names: await tokenNames(), running: live.length }),
        jobs: live.slice(0, SHOWN_MAX).map(presentHeld),
      };
    },
  };
}

interface Known {
  /** Of tokens by their ids. */
  readonly names: ReadonlyMap<string, string>;
  readonly running: number;
}

function presentWorker(session: Session, { names, running }: Known): WorkerJson {
  const { id, role, place, serves, startedAt, expiresAt, owner, host = null } = session;
  return {
    id,
    role,
    place,
    serves: serves.map(({ executor, queue, handlers }) => ({
      executor,
      queue: queue === ALL ? null : queueOfKey(queue).name,
      ...(handlers === undefined ? {} : { handlers: [...handlers] }),
    })),
    host,
    token: names.get(owner ?? "") ?? null,
    since: isoTime(startedAt),
    expiresAt: isoTime(expiresAt),
    running,
  };
}

function presentHeld({ id, name, state, attempt, queue, attemptStartedAt }: LiveJob) {
  return { id, name, state, attempt, queue: queueOfKey(queue).name, startedAt: maybeTime(attemptStartedAt) };
}
