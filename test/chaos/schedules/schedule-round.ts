/**
 * One round of schedules: everything up, twenty schedules fire while the monkey strikes, they are paused, calm, all that was made
 * must come to its end; then the ledger is held against arithmetic, and the work that was done against the ledger.
 */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as rest } from "node:timers/promises";
import type { OccurrenceJson, ScheduleJson } from "@windlass/contract";
import type { Client } from "@windlass/sdk";
import { seededRandom } from "@windlass/testkit/fakes";
import type { NatsServer } from "@windlass/testkit/nats";
import type { PostgresServer } from "@windlass/testkit/postgres";
import { planStrikes } from "../strikes.ts";
import { clientOf, isRefusal } from "../submit-orders.ts";
import { countBy, strikeAll, told } from "../strike-all.ts";
import { until } from "../until.ts";
import { violationsOfLedger, type TickExecution, type TickHistory } from "./check-ledger.ts";
import { openScheduleSite, SCHEDULE_TARGETS, type ScheduleSite } from "./schedule-site.ts";
import { planTicks, readTickEffects, TICK_LABEL, tickWorkflow, type Tick } from "./ticks.ts";

export interface ScheduleRoundOptions {
  readonly seed: number;
  readonly schedules: number;
  /** How long the monkey strikes. */
  readonly durationMs: number;
  /** Not there yet; stays when something was violated. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
}

export interface ScheduleRoundReport {
  readonly figures: Readonly<Record<string, number>>;
  /** `dispatcher killed`: how often. */
  readonly strikes: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

/** After the last strike everything must have ended within this. */
const CALM_MS = 120_000;
const ANSWER_MS = 5_000;
const ASK_AGAIN_MS = 250;
const PAGE = 500;
const LIVE = ["scheduled", "queued", "running", "waiting", "stopping"] as const;
const SHOWN_MAX = 10;

export async function playScheduleRound(options: ScheduleRoundOptions): Promise<ScheduleRoundReport> {
  const site = await openScheduleSite({ ...options, random: seededRandom(options.seed + 1) });
  try {
    const report = await play(options, site);
    if (report.violations.length === 0) await rm(options.folder, { recursive: true, force: true });
    return report;
  } finally {
    await site.end();
  }
}

async function play({ seed, schedules, durationMs }: ScheduleRoundOptions, site: ScheduleSite): Promise<ScheduleRoundReport> {
  await site.start();
  const ask = asker(site.doors);
  await ask((api, signal) => api.workflows.apply({ source: tickWorkflow(site.effectsFile) }, { signal }));
  const made = await Promise.all(planTicks(schedules).map(async (tick) => ({ tick, stored: await ask(makes(tick)) })));
  const hits = await strikeAll(site, planStrikes(seededRandom(seed), SCHEDULE_TARGETS, durationMs));
  const paused = await Promise.all(
    made.map(async ({ tick, stored }) => {
      const { pausedAt } = await ask((api, signal) => api.schedules.pause({ name: tick.name, reason: "the round is over" }, { signal }));
      return { tick, from: Date.parse(stored.createdAt), until: Date.parse(pausedAt ?? "") };
    }),
  );
  const calmAt = performance.now();
  const stuck = await until(async () => (await ask(countLive)) === 0, CALM_MS).then(
    () => [],
    async () => [`something was still alive ${CALM_MS} ms after the last strike`, ...(await ask(whatLives))],
  );
  const calmMs = Math.round(performance.now() - calmAt);
  const history: TickHistory = {
    schedules: await Promise.all(paused.map(async (one) => ({ ...one, rows: await ask(rowsOf(one)) }))),
    executions: await ask(executionsOf),
    effects: readTickEffects(readFileSync(site.effectsFile, "utf8")),
    deadLetters: await ask(deadLettersOf),
  };
  const faults = await site.stop();
  return {
    figures: figuresOf(history, calmMs),
    strikes: countBy(hits, told),
    violations: [...faults, ...stuck, ...violationsOfLedger(history)],
  };
}

type Question<T> = (api: Client, signal: AbortSignal) => Promise<T>;

/** Asks one server after the other, until one has answered. */
function asker(doors: readonly string[]): <T>(question: Question<T>) => Promise<T> {
  return async (question) => {
    const faults: unknown[] = [];
    for (const begun = performance.now(); performance.now() - begun < CALM_MS;)
      try {
        return await question(clientOf(doors[faults.length % doors.length] ?? ""), AbortSignal.timeout(ANSWER_MS));
      } catch (error) {
        if (isRefusal(error)) throw error;
        faults.push(error);
        await rest(ASK_AGAIN_MS);
      }
    throw new Error(`no server answered within ${CALM_MS} ms`, { cause: faults.at(-1) });
  };
}

/** Of each time a job, however late, and however many are alive: so that what must be there is arithmetic. */
function makes(tick: Tick): Question<ScheduleJson> {
  return async (api, signal) => {
    const written = {
      name: tick.name,
      workflow: "tick",
      input: { schedule: "{{ schedule.name }}", nominal: "{{ schedule.nominal_time }}" },
      labels: { [TICK_LABEL]: tick.name },
      overlap: { policy: "allow", limit: 100 },
      catchUp: { policy: "all", window: "1h", limit: 1_000 },
      ...tick.when,
    };
    const [stored] = await Promise.allSettled([api.schedules.create(written, { signal })]);
    // An answer may have been lost: then it is there.
    return stored.status === "fulfilled" ? stored.value : api.schedules.get({ name: tick.name }, { signal });
  };
}

/** Why what is still alive has not ended. */
async function whatLives(api: Client, signal: AbortSignal): Promise<readonly string[]> {
  const { items } = await api.jobs.list({ state: [...LIVE], limit: SHOWN_MAX }, { signal });
  return Promise.all(
    items.map(async ({ id, parentId, name, key, state, attempts }) => {
      const why = await api.jobs.explain({ id }, { signal });
      return `  ${id} ${name} ${key ?? ""} below ${parentId}, ${state} after ${attempts} attempts: ${JSON.stringify(why)}`;
    }),
  );
}

async function countLive(api: Client, signal: AbortSignal): Promise<number> {
  const { items } = await api.jobs.list({ state: [...LIVE], limit: PAGE }, { signal });
  return items.length;
}

function rowsOf({ tick }: { readonly tick: Tick }): Question<readonly OccurrenceJson[]> {
  return (api, signal) => pages((cursor) => api.schedules.history({ name: tick.name, limit: PAGE, ...cursor }, { signal }));
}

async function executionsOf(api: Client, signal: AbortSignal): Promise<readonly TickExecution[]> {
  const executions = await pages((cursor) => api.jobs.list({ kind: "workflow", limit: PAGE, ...cursor }, { signal }));
  const steps = await pages((cursor) => api.jobs.list({ name: "note", limit: PAGE, ...cursor }, { signal }));
  const stepOf = new Map(steps.map(({ id, parentId, attempts }) => [parentId, { id, attempts }]));
  return executions.map(({ id, labels, outcome, reason }) => ({
    id,
    schedule: labels[TICK_LABEL] ?? "",
    outcome,
    reason,
    step: stepOf.get(id) ?? null,
  }));
}

async function deadLettersOf(api: Client, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const letters = await pages((cursor) => api.deadLetters.list({ limit: PAGE, ...cursor }, { signal }));
  return new Map(letters.map((letter) => [letter.id, letter.reason]));
}

async function pages<T>(
  read: (cursor: { readonly cursor?: string }) => Promise<{ readonly items: readonly T[]; readonly nextCursor: string | null }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { readonly items: readonly T[]; readonly nextCursor: string | null } = await read(cursor === "" ? {} : { cursor });
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

function figuresOf({ schedules, executions, effects, deadLetters }: TickHistory, calmMs: number): Record<string, number> {
  const rows = schedules.flatMap((schedule) => schedule.rows);
  return {
    schedules: schedules.length,
    rows: rows.length,
    ...countBy(rows, ({ decision }) => decision),
    executions: executions.length,
    ...countBy(executions, ({ outcome, reason }) => `${outcome} ${reason}`),
    attempts: executions.reduce((sum, { step }) => sum + (step?.attempts ?? 0), 0),
    effects: effects.length,
    "dead letters": deadLetters.size,
    calmMs,
  };
}
