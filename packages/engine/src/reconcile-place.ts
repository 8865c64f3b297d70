/**
 * Compares what should run at a place (the store) with what runs there (the executor), and acts on each difference.
 * Level-triggered: looks at both from scratch each time, so nothing depends on having heard of anything.
 * A place that is watched by others, where thousands may be in flight, is asked less often while the store names nothing to be done there.
 */
import { maskOf, messageOf, minutes, seconds, type LiveJob } from "@windlass/kernel";
import type { ClaimedJob, EndedFact, Found } from "@windlass/ports";
import { maskOfAttempt, withheld } from "./given-secrets.ts";
import { maskedResult } from "./handler-host.ts";
import { GONE_BEFORE_RECORD, recordLaunch } from "./launch-attempt.ts";
import { settleByFact, settleByHolder, type Place, type Silence } from "./place.ts";

/** Live rows that are read at once. */
const PAGE = 500;
/** How often a place that is watched by others is listed at least: for what runs there and should not, and for what is gone unseen. */
const LISTED_MS: number = seconds(30);

export async function reconcilePlace(place: Place): Promise<void> {
  // First the store, then the executor: what was launched in between is in neither's way (see `zombie`).
  const known = [...place.alive.keys()];
  const wanted = await aliveHere(place);
  countAlive(place, known, wanted);
  dropSuspects(place, wanted);
  const now = place.context.clock.monotonic();
  if (!isListDue(place, wanted, now)) return;
  const found = new Map((await place.executor.list()).map((item) => [item.name, item]));
  place.listedAt = now;
  const others = await othersHere(place);
  const looks = { left: LOOKS_MAX };
  for (const live of wanted) await guarded(place, live.id, () => reconcileAttempt(place, live, { ...seenOf(live, found), others, looks }));
  const refs = new Map(wanted.map((live) => [live.externalName, live.externalRef]));
  for (const item of found.values())
    if (!place.launching.has(item.name) && !isItsOwn(item, refs)) await guarded(place, item.jobId, () => zombie(place, item));
}

function isListDue({ executor, launching, listedAt }: Place, wanted: readonly LiveJob[], now: number): boolean {
  if (executor.isWatchedOutside !== true || listedAt === null || now - listedAt >= LISTED_MS) return true;
  return wanted.some(
    ({ state, holder, externalName }) => state === "stopping" || (holder === "lease" && !launching.has(externalName ?? "")),
  );
}

/**
 * What runs or has ended there for it. What was made and has not begun is not there yet: it is launched again, and so begun;
 * but what was recorded and is gone is not made a second time.
 */
function seenOf({ externalName, externalRef }: LiveJob, items: ReadonlyMap<string, Found>): Pick<Seen, "found" | "isGone"> {
  const item = items.get(externalName ?? "");
  const own = externalRef === null || externalRef === item?.ref ? item : undefined;
  return { found: own?.state === "made" ? undefined : own, isGone: externalRef !== null && own === undefined };
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
  /** Its reference was recorded, and is nowhere. */
  readonly isGone: boolean;
  readonly others: ReadonlySet<string | null>;
  /** How many may still be looked at one by one in this comparison. */
  readonly looks: { left: number };
}

async function reconcileAttempt(place: Place, live: LiveJob, seen: Seen): Promise<void> {
  const { found, others, looks } = seen;
  const name = live.externalName;
  if (name === null) return;
  if (live.holder === "lease") {
    // A launch may take long (an image that is pulled): a stop breaks it off.
    if (place.launching.has(name) && live.state === "stopping" && live.stop !== null)
      await place.executor.stop(name, live.stop.graceMs, live.stop.stopFor);
    return !others.has(live.session) && isAbandoned(place, live, name) ? adopt(place, live, seen) : undefined;
  }
  if (place.executor.isWatchedOutside === true && found?.state !== "running") return silent(place, live, found);
  if (found?.isWaiting !== true) place.silent.delete(name);
  if (found === undefined) return vanished(place, live);
  if (live.state === "stopping" && live.stop !== null && found.state === "running")
    await place.executor.stop(name, live.stop.graceMs, live.stop.stopFor);
  else if (found.isWaiting === true) await waiting(place, live, looks);
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
async function adopt(place: Place, live: LiveJob, seen: Seen): Promise<void> {
  const name = live.externalName ?? "";
  let toLaunch: ClaimedJob | null;
  place.launching.add(name);
  try {
    toLaunch = await adoptLaunch(place, live, seen);
  } finally {
    place.launching.delete(name);
  }
  if (toLaunch !== null) place.launch(toLaunch);
}

/** Claimed here by a program that served more: what runs of it is looked after to its end, and nothing is launched. */
const NOT_SERVED = {
  reason: "host_lost",
  message: "it was claimed and not started, and what serves its place now starts nothing of its queue",
} as const;

/** What of it is still to be launched, now that it is ours. */
async function adoptLaunch(place: Place, live: LiveJob, { found, isGone }: Seen): Promise<ClaimedJob | null> {
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
  if (isGone) {
    await place.results.settle(settleByHolder(place, mine, GONE_BEFORE_RECORD));
    place.alive.delete(live.id);
    return null;
  }
  if (!place.serves(live)) {
    await place.results.settle({ type: "lose", id: live.id, token: mine.token, random: place.context.random.next(), ...NOT_SERVED });
    place.alive.delete(live.id);
    return null;
  }
  const [record] = await place.context.store.jobs.records([live.id]);
  return record === undefined ? null : { record, live: mine };
}

/** How long an end may be on its way: whoever watches the place may be down, and tells it when it is up again. */
const TOLD_WITHIN_MS: number = minutes(10);
/** The same for what we ended ourselves: somebody waits for it. */
const STOP_TOLD_WITHIN_MS: number = seconds(30);

/** The same for one that does not begin, of which nobody ever told anything: most likely nobody watches. */
const BEGINNING_TOLD_WITHIN_MS: number = minutes(2);
/** Looks of a comparison at what does not begin: a full cluster has thousands of those, and each look is several requests. */
const LOOKS_MAX = 10;

/** It is over there, or gone, and nobody has told us: after a while we look ourselves, so that nothing stays parked for ever. */
async function silent(place: Place, live: LiveJob, found: Found | undefined): Promise<void> {
  const name = live.externalName ?? "";
  const withinMs = live.state === "stopping" ? STOP_TOLD_WITHIN_MS : TOLD_WITHIN_MS;
  if (silentFor(place, name, "end") < withinMs) return;
  place.silent.delete(name);
  const fact = (found === undefined ? null : await place.executor.examine?.(name)) ?? null;
  if (fact === null) return vanished(place, live);
  await settleSeen(place, live, fact);
}

/** It may run there and does not begin: whether it ever will is for whoever watches to tell, or, after a while, for us to see. */
async function waiting(place: Place, live: LiveJob, looks: Seen["looks"]): Promise<void> {
  const name = live.externalName ?? "";
  const withinMs = live.observed === null ? BEGINNING_TOLD_WITHIN_MS : TOLD_WITHIN_MS;
  if (silentFor(place, name, "beginning") < withinMs || looks.left === 0) return;
  looks.left--;
  const fact = (await place.executor.examine?.(name)) ?? null;
  if (fact !== null) return settleSeen(place, live, fact);
  place.silent.set(name, { about: "beginning", since: place.context.clock.monotonic() });
}

function silentFor({ context, silent: known }: Place, name: string, about: Silence["about"]): number {
  const now = context.clock.monotonic();
  const before = known.get(name);
  const silence = before?.about === about ? before : { about, since: now };
  known.set(name, silence);
  return now - silence.since;
}

/** What nobody told, and we saw there. */
async function settleSeen(place: Place, live: LiveJob, fact: EndedFact): Promise<void> {
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

/**
 * Runs here and belongs to no attempt that we saw alive: look again at its own job, and end it if that is so. What has ended is
 * told until it is forgotten, unless others watch: then its end may have been told while nobody here listened.
 */
async function zombie(place: Place, item: Found): Promise<void> {
  if (item.state === "ended" && place.executor.isWatchedOutside !== true) return;
  const job = await place.context.store.reads.get(item.jobId);
  const own = job?.live ?? null;
  if (own?.externalName === item.name && (own.externalRef === null || own.externalRef === item.ref)) return;
  if (item.state === "ended") return place.executor.forget(item.name);
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
