/**
 * Who carries jobs out, as far as the workspace of the call may know: who serves it, and what they do for it.
 *
 * V1. The host of what serves other workspaces too, and where its processes live, are told only to who may use those: they are part of
 *     the machines of others.
 * V2. The name of a token is told only to who may see that token.
 */
import type { WorkerJson } from "@windlass/contract";
import { queueOfKey, queuesServed, reaches, servesWorkspace, WindlassError, type LiveJob } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import { pageOf } from "./page-of.ts";
import { isoTime, maybeTime } from "./present-job.ts";
import type { Principal } from "./authenticate.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

const SHOWN_MAX = 100;
const COUNTED_MAX = 1_000;
const ALL = queuesServed();

export function workerHandlers({ engine: { context, access } }: ServerContext): Handlers<"workers"> {
  const { sessions, jobs } = context.store;

  /** Those of other workspaces that one worker serves too are not there. */
  const held = async (session: Session, workspace: string): Promise<readonly LiveJob[]> =>
    (await jobs.live({ session: session.id }, COUNTED_MAX)).filter((live) => queueOfKey(live.queue).workspace === workspace);

  const within = async ({ workspace, workspaces }: Principal): Promise<readonly Session[]> =>
    (await sessions.list()).flatMap((session) => {
      const serves = session.serves.filter(({ queue }) => servesWorkspace(queue, workspace));
      const isWithin = session.serves.every(({ queue }) => reaches({ workspaces }, workspacesServed(queue)));
      const { place, host = null } = session;
      return serves.length === 0 ? [] : [{ ...session, serves, ...(isWithin ? { place, host } : { place: null, host: null }) }];
    });

  const namesOf = (shown: readonly Session[], principal: Principal): Promise<ReadonlyMap<string, string>> =>
    access.tokens.namesOf(
      shown.flatMap(({ owner }) => owner ?? []),
      principal,
    );

  return {
    async list({ query }, { workspace, principal }) {
      const { items, nextCursor } = pageOf(await within(principal), query, ({ id }) => id);
      const names = await namesOf(items, principal);
      const counted = items.map(async (session) => presentWorker(session, { names, running: (await held(session, workspace)).length }));
      return { items: await Promise.all(counted), nextCursor };
    },
    async get({ params: { id } }, { workspace, principal }) {
      const session = (await within(principal)).find((one) => one.id === id);
      if (session === undefined)
        throw new WindlassError(
          "not_found",
          `there is no worker ${id}; one that has connected again has another id: windlass workers list`,
        );
      const live = await held(session, workspace);
      return {
        ...presentWorker(session, { names: await namesOf([session], principal), running: live.length }),
        jobs: live.slice(0, SHOWN_MAX).map(presentHeld),
      };
    },
  };
}

/** Null: all of them. What is served under one name in all of them is in `*`, which is nobody's. */
function workspacesServed(served: string): readonly string[] | null {
  return served === ALL ? null : [queueOfKey(served).workspace];
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
