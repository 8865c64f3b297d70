/**
 * A worker's or launcher's session: opened, kept alive away from the event loop, and opened anew when it was lost. The
 * session of a worker elsewhere is kept alive by what that worker reports, and never opened anew: its jobs would not know.
 */
import { messageOf, WindlassError } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import type { EngineContext } from "./context.ts";

export interface OpenSession {
  /** The current id; another one after a loss. */
  readonly id: string;
  /** True from the loss until `ensure` has opened a new one: nothing that is held under it can be relied on. */
  readonly lost: boolean;
  /** Opens a new session when the old one was lost. */
  ensure(): Promise<void>;
  close(): Promise<void>;
  /** Stops reporting and leaves the session to run out: for places whose work goes on without their launcher. */
  leave(): Promise<void>;
}

export interface SessionOptions extends Pick<Session, "role" | "place" | "serves"> {
  readonly ttlMs?: number | undefined;
  readonly onLost: () => void;
}

const DEFAULT_TTL_MS = 15_000;
/** Reports per time to live: two may be lost. */
const BEATS_PER_TTL = 3;

export async function openSession(context: EngineContext, options: SessionOptions): Promise<OpenSession> {
  const ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
  const { sessions, heartbeats } = context.store;
  let id = "";
  let lost = true;
  let kept: { stop(): Promise<void> } = { stop: async () => {} };

  const open = async (): Promise<void> => {
    id = context.newId("ses");
    const { role, place, serves } = options;
    const now = context.now();
    await sessions.open({ id, role, place, serves, startedAt: now, expiresAt: now + ttlMs, host: context.host ?? null });
    lost = false;
    const opened = id;
    kept = await heartbeats.keep(id, {
      intervalMs: ttlMs / BEATS_PER_TTL,
      ttlMs,
      onLost: () => {
        if (lost || id !== opened) return;
        lost = true;
        context.logger.warn("the session was lost: out of touch with the store for too long", { session: opened });
        options.onLost();
      },
    });
  };
  await open();
  return {
    get id() {
      return id;
    },
    get lost() {
      return lost;
    },
    async ensure() {
      if (!lost) return;
      await kept.stop();
      await open();
    },
    async close() {
      await kept.stop();
      if (lost) return;
      lost = true;
      // A store that is out of reach keeps nobody from stopping: the session runs out by itself.
      await sessions.close(id).catch((error: unknown) => {
        context.logger.warn("the session could not be closed; it runs out", { session: id, error: messageOf(error) });
      });
    },
    async leave() {
      await kept.stop();
      lost = true;
    },
  };
}

/** The session of a worker at the other end of a connection. */
export interface ReportedSession {
  readonly id: string;
  /** True when it was there before: what it holds is still held. */
  readonly resumed: boolean;
  readonly lost: boolean;
  /** The worker is alive; false when its session was given up meanwhile. */
  report(): Promise<boolean>;
  /** Removes it; for a worker that has given back everything. */
  close(): Promise<void>;
}

export interface ReportedSessionOptions {
  readonly serves: Session["serves"];
  readonly ttlMs: number;
  /** Id of the token that it is opened with. */
  readonly owner: string;
  /** Where the worker says that it runs. */
  readonly host: string | null;
  /** Goes on with this session if it is still there, serves the same, and was opened with the same token. */
  readonly resume: string | null;
  /** Sessions that a token may have at once. */
  readonly ownMax: number;
}

export async function openReportedSession(
  context: EngineContext,
  { serves, ttlMs, owner, host, resume, ownMax }: ReportedSessionOptions,
): Promise<ReportedSession> {
  const { sessions } = context.store;
  const own = (await sessions.list()).filter((session) => session.owner === owner);
  const resumed = resume !== null && (await goesOn());
  const id = resumed ? resume : context.newId("ses");
  let lost = false;
  if (!resumed) {
    if (own.length >= ownMax)
      throw new WindlassError(
        "unavailable",
        `its token has ${own.length} sessions, and at most ${ownMax} may be; those whose workers do not come back run out`,
      );
    const now = context.now();
    await sessions.open({ id, role: "worker", place: null, serves, startedAt: now, expiresAt: now + ttlMs, owner, host });
  }
  return {
    id,
    resumed,
    get lost() {
      return lost;
    },
    async report() {
      if (!lost) lost = !(await beat(id));
      return !lost;
    },
    async close() {
      if (lost) return;
      lost = true;
      await sessions.close(id);
    },
  };

  async function beat(session: string): Promise<boolean> {
    return (await sessions.beat([session], context.now() + ttlMs)).includes(session);
  }

  /** Whoever asks for a session that serves something else, or with another token, asks for that of another: ids are no secrets. */
  async function goesOn(): Promise<boolean> {
    const known = own.find((session) => session.id === resume);
    return known?.role === "worker" && JSON.stringify(known.serves) === JSON.stringify(serves) && beat(known.id);
  }
}
