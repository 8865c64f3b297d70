/**
 * Enforces what must be true whoever has died: sessions that ran out lose their work, hosts that are gone for good lose
 * theirs, children of ended parents end, keys with room let blocked jobs through. One process leads; more do no harm.
 */
import { isOutOfBand, outlivesHost, seconds, type Change, type LiveJob } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { settleConflicts } from "./conflicts.ts";
import { every } from "./every.ts";
import { leadership } from "./lead.ts";
import { ofLivingRunners } from "./runner-token.ts";
import { loop, type Loop } from "./service.ts";
import { sessionExpiry, type SessionExpiry } from "./session-expiry.ts";
import { stopOf } from "./stop.ts";

const REST_MS = 1_000;
const LEAD_MS = 10_000;
const PAGE = 500;
/** How often what nobody uses any more is looked for. */
const TIDY_MS: number = seconds(60);

export interface ReconcilerOptions {
  /** The session under which this process leads. */
  readonly session: () => string;
  /** A place whose launcher has not reported for this long is lost with all that runs there. */
  readonly hostLostAfterMs?: number;
  /** Of the sessions of servers; those of workers elsewhere last for `WORKER_TTL_MS_MAX` at most. */
  readonly sessionTtlMs?: number;
}

/** The longest that a worker of the SDK may ask for. */
const WORKER_TTL_MS_MAX: number = seconds(300);

const DEFAULT_HOST_LOST_AFTER: number = seconds(90);

export function reconciler(context: EngineContext, options: ReconcilerOptions): Loop {
  const leads = leadership(context, { chore: "reconciler", session: options.session, leadMs: LEAD_MS });
  const timeToTidy = every(context, TIDY_MS);
  const ttlMsMax = Math.max(options.sessionTtlMs ?? 0, WORKER_TTL_MS_MAX);
  const expiry = sessionExpiry({ clock: context.clock, now: () => context.now(), ttlMsMax });
  let tidied = "";
  let expiresAt = Infinity;
  return loop({
    name: "reconciler",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    // A session that runs out is found as soon as ever.
    restMs: () => (tidied === "" ? Math.min(context.pace.rest(REST_MS), Math.max(REST_MS, expiresAt + 1 - context.now())) : REST_MS),
    pass: async () => {
      // Who does not lead decides about time too (timers, claims), and would take the lead too early by a clock that jumped.
      await context.syncClock();
      expiry.look();
      expiresAt = Infinity;
      if (!(await leads())) return false;
      expiresAt = await loseExpired(context, expiry, options.hostLostAfterMs ?? DEFAULT_HOST_LOST_AFTER);
      await stopOrphans(context);
      await settleConflicts(context);
      const unblocked = await context.store.jobs.unblock(context.now());
      // Nothing is told of nothing: whoever hears anything looks, and looks more often.
      if (unblocked.ready.size > 0) context.announce(unblocked);
      if (tidied !== "" || timeToTidy()) tidied = await context.store.jobs.tidy(tidied, context.now());
      return false;
    },
  });
}

/** Returns when the next one may run out. */
async function loseExpired(context: EngineContext, expiry: SessionExpiry, hostLostAfterMs: number): Promise<number> {
  const sessions = await context.store.sessions.list();
  expiry.keep(sessions);
  const judged = sessions.map((session) => ({ session, since: expiry.overSince(session) }));
  const alivePlaces = new Set(judged.filter(({ since }) => since === null).map(({ session }) => session.place));
  const now = expiry.look();
  const silent = judged.flatMap(({ session, since }) => (since === null ? [] : [session]));
  const living = await ofLivingRunners(context, silent);
  for (const { session, since } of judged) {
    if (since === null || living.has(session.id)) continue;
    if (session.place === null || alivePlaces.has(session.place)) {
      await context.store.sessions.close(session.id);
    } else if (since + hostLostAfterMs < now) {
      await losePlace(context, session, session.place);
      await context.store.sessions.close(session.id);
    }
  }
  await loseForsaken(context);
  // Looked at again soon: the end of a runner is a fact about its job, and of nobody who would wake this loop.
  return Math.min(living.size > 0 ? now : Infinity, ...judged.flatMap(({ session, since }) => (since === null ? [session.expiresAt] : [])));
}

/**
 * In-band work ends with its holder; a launch is taken up by whoever serves its place next. Only what is closed claims
 * nothing any more: one that has run out may still claim (a worker that was frozen wakes up), so it is closed first. And
 * what is looked for is any work without an open session, so that it does not matter who closed it, or died after it.
 */
async function loseForsaken(context: EngineContext): Promise<void> {
  await eachLive(context, { forsaken: true }, (live) =>
    isOutOfBand(live.executor)
      ? null
      : loss(context, live, { reason: "worker_lost", message: `its worker (${live.session ?? "unknown"}) stopped reporting` }),
  );
}

async function losePlace(context: EngineContext, session: Session, place: string): Promise<void> {
  context.logger.warn("a host has not reported for too long; what ran there counts as lost", { place, session: session.id });
  await eachLive(context, { place }, (live) =>
    outlivesHost(live.executor) ? null : loss(context, live, { reason: "host_lost", message: `its host (${place}) stopped reporting` }),
  );
}

function loss(
  context: EngineContext,
  live: LiveJob,
  why: { readonly reason: "worker_lost" | "host_lost"; readonly message: string },
): Change {
  return { type: "lose", id: live.id, token: live.token, random: context.random.next(), ...why };
}

/** Heals what an advancer that died left behind: live children under parents that have ended or are stopping. */
async function stopOrphans(context: EngineContext): Promise<void> {
  await eachLive(context, { orphaned: true }, (live) =>
    live.state === "stopping"
      ? null
      : stopOf(live.id, { reason: "parent_ended", message: "the job that it belongs to ended", by: "windlass" }),
  );
}

type LiveFilter = Parameters<EngineContext["store"]["jobs"]["live"]>[0];

/** Commits what `change` proposes for each live job, page by page in order of id. */
async function eachLive(context: EngineContext, filter: LiveFilter, change: (live: LiveJob) => Change | null): Promise<void> {
  for (let after = ""; ;) {
    const page = await context.store.jobs.live({ ...filter, after }, PAGE);
    await context.commit(page.flatMap((live) => change(live) ?? []));
    if (page.length < PAGE) return;
    after = page.at(-1)?.id ?? "";
  }
}
