/**
 * Compares what should run at a place (the store) with what runs there (the executor), and acts on each difference.
 * Level-triggered: looks at both from scratch each time, so nothing depends on having heard of anything.
 */
import { maskOf, messageOf, minutes, seconds, type LiveJob } from "@windlass/kernel";
import type { ClaimedJob, Found } from "@windlass/ports";
import { maskOfAttempt, withheld } from "./given-secrets.ts";
import { maskedResult } from "./handler-host.ts";
import { recordLaunch } from "./launch-attempt.ts";
import { settleByFact, settleByHolder, type Place } from "./place.ts";

/** Live rows that are read at once. */
const PAGE = 500;

export async function reconcilePlace(place: Place): Promise<void> {
  // First the store, then the executor: what was launched in between is in neither's way (see `zombie`).
  const known = [...place.alive.keys()];
  const wanted = await aliveHere(place);
  countAlive(place, known, wanted);
  dropSuspects(place, wanted);
  const found = new Map((await place.executor.list()).map((item) => [item.name, item]));
  const others = await othersHere(place);
  for (const live of wanted) await guarded(place, live.id, () => reconcileAttempt(place, live, { found: begunOf(live, found), others }));
  const refs = new Map(wanted.map((live) => [live.externalName, live.externalRef]));
  for (const item of found.values())
    if (!place.launching.has(item.name) && !isItsOwn(item, refs)) await guarded(place, item.jobId, () => zombie(place, item));
}

/** What runs or has ended there for it. What was made and has not begun is not there yet: it is launched again, and so begun. */
function begunOf({ externalName, externalRef }: LiveJob, found: ReadonlyMap<string, Found>): Found | undefined {
  const item = found.get(externalName ?? "");
  if (item === undefined || item.state === "made") return undefined;
  return externalRef === null || externalRef === item.ref ? item : undefined;
}

/** Of an attempt that is alive, and not made again since by a launcher that was frozen: its reference is the one that was recorded. */
function isItsOwn({ name, ref }: Found, refs: ReadonlyMap<string | null, string | null>): boolean {
  const recorded = refs.get(name);
  return recorded === null || recorded === ref;
}

/**
 * Sessions of launchers that live beside ours: several servers launch in one cluster, and each looks after its own launches
 * until it is lost. A place on a host has one launcher, so whoever had it before is gone.
 */
async function othersHere({ context, executor }: Place): Promise<ReadonlySet<string | null>> {
  if (executor.isWatchedOutside !== true) return new Set();
  const now = context.now();
  return new Set((await context.store.sessions.list()).filter(({ expiresAt }) => expiresAt > now).map(({ id }) => id));
}

/** What was claimed while the store was being read is neither in `known` nor in `wanted`, and stays counted. */
function countAlive({ alive }: Place, known: readonly string[], wanted: readonly LiveJob[]): void {
  const ids = new Set(wanted.map((live) => live.id));
  for (const id of known) if (!ids.has(id)) alive.delete(id);
  for (const live of wanted) if (live.externalName !== null) alive.set(live.id, live.externalName);
}

async function aliveHere({ context, executor }: Place): Promise<LiveJob[]> {
  const alive: LiveJob[] = [];
  for (let after = ""; ;) {
    const page = await context.store.jobs.live(
      { place: executor.place, executor: executor.name, states: ["running", "stopping"], after },
      PAGE,
    );
    alive.push(...page);
    if (page.length < PAGE) return alive;
    after = page.at(-1)?.id ?? "";
  }
}

/** Suspects are those that were seen in each round since. */
function dropSuspects({ suspects, silent: quiet }: Place, wanted: readonly LiveJob[]): void {
  const names = new Set(wanted.map((live) => live.externalName));
  for (const name of suspects.keys()) if (!names.has(name)) suspects.delete(name);
  for (const name of quiet.keys()) if (!names.has(name)) quiet.delete(name);
}

interface Seen {
  readonly found: Found | undefined;
  readonly others: ReadonlySet<string | null>;
}

async function reconcileAttempt(place: Place, live: LiveJob, { found, others }: Seen): Promise<void> {
  const name = live.externalName;
  if (name === null) return;
  if (live.holder === "lease") {
    // A launch may take long (an image that is pulled): a stop breaks it off.
    if (place.launching.has(name) && live.state === "stopping" && live.stop !== null)
      await place.executor.stop(name, live.stop.graceMs, live.stop.stopFor);
    return !others.has(live.session) && isAbandoned(place, live, name) ? adopt(place, live, found) : undefined;
  }
  if (place.executor.isWatchedOutside === true && found?.state !== "running") return silent(place, live, found);
  place.silent.delete(name);
  if (found === undefined) return vanished(place, live);
  if (live.state === "stopping" && live.stop !== null && found.state === "running")
    await place.executor.stop(name, live.stop.graceMs, live.stop.stopFor);
}

/**
 * Whether nobody is about to launch it. What our own session holds may have been stored by a claim whose answer is still on
 * the way, and would be launched twice: it is abandoned when it is still there after all claims of that time were answered.
 */
function isAbandoned({ launching, suspects, claims, session }: Place, live: LiveJob, name: string): boolean {
  if (launching.has(name)) return false;
  if (live.session !== session()) return true;
  const since = suspects.get(name);
  if (since === undefined) suspects.set(name, claims.begun);
  return since !== undefined && since <= claims.answered;
}

/** Its launcher is gone (or gave up) between the claim and the record (L2). */
async function adopt(place: Place, live: LiveJob, found: Found | undefined): Promise<void> {
  const name = live.externalName ?? "";
  let toLaunch: ClaimedJob | null;
  place.launching.add(name);
  try {
    toLaunch = await adoptLaunch(place, live, found);
  } finally {
    place.launching.delete(name);
  }
  if (toLaunch !== null) place.launch(toLaunch);
}

/** What of it is still to be launched, now that it is ours. */
async function adoptLaunch(place: Place, live: LiveJob, found: Found | undefined): Promise<ClaimedJob | null> {
  const result = await place.results.settle({ type: "adopt", id: live.id, token: live.token, session: place.session() });
  if (result?.ok !== true) return null;
  const mine = { ...live, token: live.token + 1, session: place.session() };
  if (found === undefined && live.state === "stopping") {
    await place.results.settle(
      settleByHolder(place, mine, {
        outcome: "cancelled",
        reason: live.stop?.reason ?? "cancel_requested",
        message: live.stop?.message ?? null,
      }),
    );
    return null;
  }
  // What was found is never launched again: it may end, be settled and forgotten before the executor is asked.
  if (found !== undefined) {
    await recordLaunch(place, mine, found.ref);
    return null;
  }
  const [record] = await place.context.store.jobs.records([live.id]);
  return record === undefined ? null : { record, live: mine };
}

/** How long an end may be on its way: whoever watches the place may be down, and tells it when it is up again. */
const TOLD_WITHIN_MS: number = minutes(10);
/** The same for what we ended ourselves: somebody waits for it. */
const STOP_TOLD_WITHIN_MS: number = seconds(30);

/** It is over there, or gone, and nobody has told us: after a while we look ourselves, so that nothing stays parked for ever. */
async function silent(place: Place, live: LiveJob, found: Found | undefined): Promise<void> {
  const name = live.externalName ?? "";
  const now = place.context.clock.monotonic();
  const since = place.silent.get(name) ?? now;
  place.silent.set(name, since);
  if (now - since < (live.state === "stopping" ? STOP_TOLD_WITHIN_MS : TOLD_WITHIN_MS)) return;
  place.silent.delete(name);
  const fact = (found === undefined ? null : await place.executor.examine?.(name)) ?? null;
  if (fact === null) return vanished(place, live);
  const { rule, incomplete } = await maskOfAttempt(place.context, live.id);
  const result = incomplete === null ? maskedResult(fact.result, maskOf(rule), rule.secrets) : withheld(fact.result, incomplete);
  const settled = await place.results.settle(settleByFact(place.context, { ...fact, result }));
  if (settled?.ok === true) place.spans.end(fact);
  place.alive.delete(live.id);
}

/** It was launched, its end was never told, and it is nowhere: nothing is guessed about how it ended. */
async function vanished(place: Place, live: LiveJob): Promise<void> {
  const name = live.externalName ?? "";
  const found = await place.executor.find(name);
  const there = found === null || (live.externalRef !== null && found.ref !== live.externalRef) ? null : found;
  if (there !== null && (there.state === "running" || place.executor.isWatchedOutside !== true)) return;
  const message = "it is gone from its executor, and nobody saw how it ended";
  const result = { outcome: "failed", reason: "vanished_unobserved", message } as const;
  const stopped = live.state === "stopping";
  const settled = await place.results.settle(
    settleByFact(place.context, { jobId: live.id, attempt: live.attempt, name, ref: null, result, stopped }),
  );
  if (settled?.ok === true) place.spans.end({ name, jobId: live.id, attempt: live.attempt, result });
  place.alive.delete(live.id);
}

/** Runs here and belongs to no attempt that we saw alive: look again at its own job, and end it if that is so. */
async function zombie(place: Place, item: Found): Promise<void> {
  if (item.state === "ended") return;
  const job = await place.context.store.reads.get(item.jobId);
  const own = job?.live ?? null;
  if (own?.externalName === item.name && (own.externalRef === null || own.externalRef === item.ref)) return;
  place.context.logger.warn("something runs here that belongs to no living attempt; it is stopped", { job: item.jobId, name: item.name });
  await place.executor.stop(item.name, 0, "cancelled");
}

/** One attempt's trouble must not keep the others from being looked after. */
async function guarded(place: Place, job: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    place.context.logger.error("an attempt could not be reconciled; the next round tries again", { job, error: messageOf(error) });
  }
}
