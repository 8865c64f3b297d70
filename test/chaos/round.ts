/** One round: everything up, users submit while the monkey strikes, calm, everything must come to its end; then the check. */
import { rm } from "node:fs/promises";
import type { PostgresServer } from "@windlass/testkit/postgres";
import { seededRandom } from "@windlass/testkit/fakes";
import { linesOf, violationsOf, type Violation } from "./check-history.ts";
import { readEffects } from "./effects.ts";
import { MEANT_TO_END, planExecutions } from "./execution-workload.ts";
import { listenToFeed } from "./feed-listener.ts";
import { readStored, type History, type Left } from "./history.ts";
import { jobProcesses } from "./running-processes.ts";
import { lastOrders } from "./last-strikes.ts";
import { openSite, type Site } from "./site.ts";
import { planStrikes, TARGETS } from "./strikes.ts";
import { countLive, submitOrders, type Ledger } from "./submit-orders.ts";
import { countBy, strikeAll, told } from "./strike-all.ts";
import { until } from "./until.ts";
import { planWorkload } from "./workload.ts";

export interface RoundOptions {
  readonly seed: number;
  /** How much is submitted: jobs of every kind, about so many; or so many executions of ten steps, and nothing else. */
  readonly load: { readonly jobs: number } | { readonly executions: number };
  /** How long the monkey strikes. */
  readonly durationMs: number;
  /** Not there yet; stays when something was violated. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly postgres: PostgresServer | null;
}

export interface RoundReport {
  readonly seed: number;
  readonly figures: Readonly<Record<string, number>>;
  /** `server killed`: how often. */
  readonly strikes: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

/** After the last strike everything must have ended within this. */
const CALM_MS = 60_000;
/** Users submit during this part of the strikes. */
const SUBMITTING_PART = 0.75;
/** What ends processes of attempts that are over: a supervisor, which may have to be started for it. */
const LEFTOVER_MS = 30_000;
/** Jobs whose events are shown with their violation. */
const SHOWN_MAX = 5;

export async function playRound(options: RoundOptions): Promise<RoundReport> {
  const report = await playOn(options);
  if (report.violations.length === 0) await rm(options.folder, { recursive: true, force: true });
  return report;
}

async function playOn(options: RoundOptions): Promise<RoundReport> {
  const site = await openSite({ ...options, random: seededRandom(options.seed + 1) });
  try {
    return await play(options, site);
  } finally {
    await site.end();
  }
}

async function play({ seed, load, durationMs, postgres }: RoundOptions, site: Site): Promise<RoundReport> {
  const { effectsFile, doors } = site;
  await site.start();
  const listener = listenToFeed(doors, seededRandom(seed + 3));
  const random = seededRandom(seed);
  const strikes = planStrikes(random, TARGETS[postgres === null ? "sqlite" : "postgres"], durationMs);
  const when = { durationMs: durationMs * SUBMITTING_PART, effectsFile };
  const orders = "jobs" in load ? planWorkload(random, { ...load, ...when }) : planExecutions(random, { ...load, ...when });
  const [ledger, hits] = await Promise.all([
    submitOrders({ doors, effectsFile, random: seededRandom(seed + 2) }, orders),
    strikeAll(site, strikes),
  ]);
  const last = "jobs" in load ? await strikeLast(site, seed) : null;
  const ledgers = [ledger, ...(last?.ledgers ?? [])];
  const calmAt = performance.now();
  const stuck = await until(async () => (await countLive(doors)) === 0, CALM_MS).then(
    () => null,
    () => `something was still alive ${CALM_MS} ms after the last strike`,
  );
  const calmMs = Math.round(performance.now() - calmAt);
  await until(() => jobProcesses(effectsFile).length === 0, LEFTOVER_MS).catch(() => null);
  const leftovers = jobProcesses(effectsFile);
  const heard = await listener.finish();
  const faults = await site.stop();
  const store = await site.openStore();
  const history: History = {
    ...(await readStored(store)),
    acknowledged: ledgers.flatMap(({ acknowledged }) => acknowledged),
    effects: readEffects(effectsFile),
    heard,
    meant: "jobs" in load ? new Map() : MEANT_TO_END,
    leftovers,
    left: last?.left ?? null,
  };
  await store.close();
  const violations = violationsOf(history);
  return {
    seed,
    figures: figuresOf(history, { asks: ledger.asks, left: history.left?.attempts.length ?? 0, calmMs }),
    strikes: countBy(hits, told),
    outcomes: countBy(history.jobs, ({ final, state }) => final?.outcome ?? state),
    violations: [
      ...ledgers.flatMap(({ refused }) => refused).map((why) => `a request was not answered well: ${why}`),
      ...faults,
      ...(last?.fault ?? []),
      ...(stuck === null ? [] : [stuck]),
      ...shown(violations, history),
    ],
  };
}

/** What is certain to hit, after what hits by chance. */
async function strikeLast(
  site: Site,
  seed: number,
): Promise<{ readonly ledgers: readonly Ledger[]; readonly left: Left; readonly fault: readonly string[] }> {
  const users = { doors: site.doors, effectsFile: site.effectsFile, random: seededRandom(seed + 4) };
  await site.gather();
  const first = await submitOrders(users, lastOrders("leave", users.random));
  const left = await site.leave();
  const second = await submitOrders(users, lastOrders("refuse", users.random));
  const fault = await site.refuse();
  return { ledgers: [first, second], left, fault: fault === null ? [] : [fault] };
}

function figuresOf({ jobs, attempts, effects }: History, more: Readonly<Record<string, number>>): Record<string, number> {
  const all = [...attempts.values()].flat();
  return {
    jobs: jobs.length,
    attempts: all.length,
    ...countBy(
      all.filter(({ outcome }) => outcome !== "succeeded"),
      ({ reason }) => reason ?? "open",
    ),
    effects: effects.length,
    ...more,
  };
}

function shown(violations: readonly Violation[], { events }: History): string[] {
  const told = new Set<string>();
  return violations.map(({ rule, jobId, what }) => {
    const text = `${rule}: ${jobId ?? ""} ${what}`;
    if (jobId === null || told.has(jobId) || told.size >= SHOWN_MAX) return text;
    told.add(jobId);
    return [text, ...linesOf(events.get(jobId) ?? [])].join("\n      ");
  });
}
