/**
 * Starts everything that runs out of band, and stores how it ended. One launcher for each executor of this process.
 *
 * L1. The name of an attempt is stored (by the claim) before the executor is asked; names are launched at most once.
 * L2. A launch whose record is missing is adopted by whoever serves its place: found → recorded, absent → launched. One
 *     that a claim of our own has just stored is not missing: its answer is on the way.
 * L3. Only a fact of the executor ends what was launched. It is forgotten there once the store has answered.
 * L4. What runs at our place and belongs to no living attempt is stopped (zombies); what should run and is nowhere is
 *     reported as vanished.
 * L5. A slot of the executor is free when its attempt was settled, or refused.
 */
import { hasCode, messageOf, queuesServed, seconds, servesQueue } from "@windlass/kernel";
import type { ClaimedJob, EndedFact, Executor } from "@windlass/ports";
import { restUntil } from "./claims.ts";
import type { EngineContext } from "./context.ts";
import { launchAttempt } from "./launch-attempt.ts";
import { launchSpans } from "./launch-spans.ts";
import { settleByFact, type Place } from "./place.ts";
import { reconcilePlace } from "./reconcile-place.ts";
import { loop, serviceOf, type Loop, type Service } from "./service.ts";
import { openSession, type OpenSession } from "./session.ts";
import { settling } from "./settling.ts";

export interface LauncherOptions {
  readonly executor: Executor;
  readonly sessionTtlMs?: number;
  /** Only what waits in queues of this name is launched; all when left out. What is at the place is looked after either way. */
  readonly queueName?: string | undefined;
}

/** How often the place is compared with the store when nothing is known to have gone wrong. */
const RECONCILE_MS: number = seconds(5);
/** How long a stopping launcher tries to store what it knows. */
const GIVE_UP_MS: number = seconds(5);
/** Attempts that one pass claims at most. */
const CLAIM_MAX = 100;

export function launcher(context: EngineContext, options: LauncherOptions): Service {
  const { executor, queueName } = options;
  const served = queuesServed(queueName);
  return serviceOf(`launcher ${executor.name}`, async () => {
    const results = settling(context);
    const session = await openSession(context, {
      role: "launcher",
      place: executor.place,
      serves: [{ executor: executor.name, queue: served }],
      ttlMs: options.sessionTtlMs,
      onLost: () => {},
    });
    const launches = new Set<Promise<void>>();
    const launch = (job: ClaimedJob): void => {
      const launched = launchClaimed(place, job).finally(() => {
        launches.delete(launched);
        claims.wake();
      });
      launches.add(launched);
    };
    const place: Place = {
      context,
      executor,
      queueName,
      serves: (live) => servesQueue(served, live.queue),
      session: () => session.id,
      results,
      spans: launchSpans(context),
      alive: new Map(),
      closing: false,
      launch,
      launching: new Set(),
      claims: { begun: 0, answered: 0 },
      suspects: new Map(),
      silent: new Map(),
      listedAt: null,
    };
    const claims = claimLoop(place, session);
    try {
      await executor.start((fact) => void ended(place, fact).finally(() => claims.wake()));
      await firstComparison(place);
    } catch (error) {
      results.close();
      await session.leave();
      await executor.close();
      throw error;
    }
    const reconcile = reconcileLoop(place, () => claims.wake());
    const deaf = context.bus.subscribe("ended", (key) => endedElsewhere(place, key, () => claims.wake()));
    await claims.start();
    await reconcile.start();
    return async () => {
      deaf();
      // A store that is out of reach is not waited for: what is not recorded is adopted by whoever comes next (L2).
      place.closing = true;
      let closed: Promise<void> | null = null;
      const close = (): Promise<void> => (closed ??= executor.close());
      // A launch that waits for something (an image, a quota) ends only when its executor lets go.
      const cancel = context.clock.after(GIVE_UP_MS, () => {
        results.close();
        void close();
      });
      await claims.stop();
      await reconcile.stop();
      await Promise.all(launches);
      cancel();
      await close();
      results.close();
      await session.leave();
    };
  });
}

/** A cluster that is out of reach must not keep a server from starting: the next round compares. */
async function firstComparison(place: Place): Promise<void> {
  try {
    await reconcilePlace(place);
  } catch (error) {
    if (!hasCode(error, "unavailable") || place.executor.isWatchedOutside !== true) throw error;
    place.context.logger.warn(`the executor ${place.executor.name} is out of reach`, { error: messageOf(error) });
  }
}

function claimLoop(place: Place, session: OpenSession) {
  const { context, executor, alive } = place;
  let heldUntil: number | null = null;
  const claimAndLaunch = async (limit: number): Promise<boolean> => {
    place.claims.begun++;
    try {
      const claimed = await context.store.jobs.claim({
        executor: executor.name,
        queueName: place.queueName,
        session: session.id,
        place: executor.place,
        limit,
        spawner: context.spawner,
        now: context.now(),
      });
      const { jobs, signals } = claimed;
      heldUntil = claimed.heldUntil;
      if (jobs.length === 0) return false;
      context.announce(signals);
      for (const job of jobs) place.launch(job);
      return jobs.length === limit;
    } finally {
      // Not before what it brought counts as being launched.
      place.claims.answered++;
    }
  };
  const claims: Loop = loop({
    name: `claims for ${executor.name}`,
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => restUntil(context, heldUntil),
    subscribe: (wake) => context.bus.subscribe("ready", (key) => key.startsWith(`${executor.name}/`) && wake()),
    pass: async () => {
      heldUntil = null;
      await session.ensure();
      const limit = Math.min(CLAIM_MAX, executor.runningMax - alive.size);
      return limit > 0 && (await claimAndLaunch(limit));
    },
  });
  return claims;
}

async function launchClaimed(place: Place, job: ClaimedJob): Promise<void> {
  const name = job.live.externalName ?? "";
  place.alive.set(job.live.id, name);
  place.launching.add(name);
  try {
    await launchAttempt(place, job);
  } catch (error) {
    // The attempt stays `launching`; the reconciler of the place takes it up again.
    place.context.logger.error("a launch could not be finished", { job: job.live.id, error: messageOf(error) });
  } finally {
    place.launching.delete(name);
  }
}

/** An attempt ended outside: store it, then forget it there (L3, L5). */
async function ended(place: Place, fact: EndedFact): Promise<void> {
  const result = await place.results.settle(settleByFact(place.context, fact));
  if (result === undefined) return;
  if (result.ok) place.spans.end(fact);
  else place.context.logger.debug("the end of an attempt came too late", { job: fact.jobId, name: fact.name, why: result.refusal.why });
  if (place.alive.get(fact.jobId) === fact.name) place.alive.delete(fact.jobId);
  // A launch of ours whose reply was lost is asked for again: forgotten, the name would be free for it. The end is told again.
  if (place.launching.has(fact.name)) return;
  try {
    await place.executor.forget(fact.name);
  } catch (error) {
    // The executor tells the end again until it is forgotten, and the store will refuse it again.
    place.context.logger.warn("an attempt that ended could not be forgotten yet", {
      job: fact.jobId,
      name: fact.name,
      error: messageOf(error),
    });
  }
}

/** Its end was told over the API, to any server, and is stored: the slot is free (L5), and nothing of it is kept any more (L3). */
function endedElsewhere(place: Place, key: string, freed: () => void): void {
  const [at, jobId = "", name = ""] = key.split(" ");
  if (at !== place.executor.place || place.alive.get(jobId) !== name) return;
  place.alive.delete(jobId);
  freed();
  void endOfSpan(place, jobId, name)
    .then(() => (place.launching.has(name) ? undefined : place.executor.forget(name)))
    .catch((error: unknown) =>
      place.context.logger.warn("an attempt that ended could not be forgotten yet", { job: jobId, name, error: messageOf(error) }),
    );
}

async function endOfSpan({ context, spans }: Place, jobId: string, name: string): Promise<void> {
  if (context.tracing === null) return;
  const ended = (await context.store.reads.attempts(jobId)).find((attempt) => attempt.externalName === name);
  if (ended === undefined || ended.outcome === null || ended.reason === null) return;
  const { number: attempt, outcome, reason, message } = ended;
  spans.end({ name, jobId, attempt, result: { outcome, reason, message } });
}

function reconcileLoop(place: Place, freed: () => void) {
  const { context, executor } = place;
  return loop({
    name: `reconciler of ${executor.name}`,
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: RECONCILE_MS,
    subscribe: (wake) => context.bus.subscribe("stopping", (key) => key === executor.place && wake()),
    pass: async () => {
      await reconcilePlace(place);
      freed();
      return false;
    },
  });
}
