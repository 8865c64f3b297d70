/**
 * How a round of jobs ends: two faults that strikes by chance hit seldom, so they are made to hit. Once the worker that is to
 * die is connected again, handlers are submitted, and while they work it dies and never comes back. Then more are submitted,
 * and on SQLite no end can be stored for a moment, as on a full disk. What was held by the one and what was to be stored by
 * the other must be done all the same.
 */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as rest } from "node:timers/promises";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { readEffects, type Effect } from "./effects.ts";
import { SESSION_TTL_MS } from "./handlers.ts";
import type { Left } from "./history.ts";
import type { KeptProgram } from "./kept-program.ts";
import { clientOf } from "./submit-orders.ts";
import { until } from "./until.ts";
import { handled, type PlannedOrder } from "./workload.ts";

/** More than all workers carry at once, so that each has something for a while. */
const LAST_JOBS = 48;
/** The longest that a worker is given to connect anew, and then to begin something. */
const AT_WORK_MS = 30_000;
/** So many attempts it has begun when it dies: one may end while it is killed. */
const BEGUN_MIN = 3;
/** After the first end was refused: it is tried, and fails, several times. */
const REFUSED_MS = 500;
const BUSY_MS = 5_000;
/** Every commit that tells something fails by it, whoever makes it. */
const REFUSAL = "CREATE TRIGGER chaos_refusal BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused by the round'); END";
const KEPT_TEXT = "results could not be stored and are kept";

/** To be submitted before each of the last strikes, under keys with its name; nobody cancels them. */
export function lastOrders(strike: string, random: SeededRandom): readonly PlannedOrder[] {
  const submissions = Array.from({ length: LAST_JOBS }, (_, i) => handled(`chaos-${strike}-${i}`, 1_000 + random.int(1_000)));
  return [{ atMs: 0, order: { door: "batch", submissions }, cancelAfterMs: null }];
}

/**
 * Resolves once it is connected to this server, by what the server says: its session was renewed since this was asked, so it is
 * none of before. Without that the others would have done everything meanwhile: after some losses it rests for seconds.
 */
export async function connected(worker: KeptProgram, door: string): Promise<void> {
  const since = Date.now();
  const ask = async () => (await clientOf(door).workers.list({}, { signal: AbortSignal.timeout(BUSY_MS) })).items;
  await until(async () => {
    const items = await ask().catch(() => []); // It does not answer yet.
    return items.some(({ host, expiresAt }) => host?.endsWith(`(process ${worker.pid})`) && Date.parse(expiresAt) > since + SESSION_TTL_MS);
  }, AT_WORK_MS).catch(() => {
    throw new Error(`${worker.name} did not connect again within ${AT_WORK_MS} ms of the last strike`);
  });
}

/** Kills it once it works, for good. Nothing left: it had no work, and the round shows nothing. */
export async function leaveForGood(worker: KeptProgram, effectsFile: string): Promise<Left> {
  const { pid } = worker;
  await atWork(worker, effectsFile).catch(() => {});
  await worker.kill();
  return { attempts: heldBy(pid, readEffects(effectsFile)), at: Date.now() };
}

/** Lets no end be stored while an attempt of this server ends. Returns what was wrong, or null. */
export async function refuseEnds(
  server: KeptProgram,
  { path, effectsFile, logFile }: { readonly path: string; readonly effectsFile: string; readonly logFile: string },
): Promise<string | null> {
  const kept = (): number => readFileSync(logFile, "utf8").split(KEPT_TEXT).length;
  const before = kept();
  const store = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    await atWork(server, effectsFile);
    store.exec(REFUSAL);
    const held = heldBy(server.pid, readEffects(effectsFile)).length;
    await until(() => held === 0 || heldBy(server.pid, readEffects(effectsFile)).length < held, AT_WORK_MS);
    // Whoever has to wait for his processor tries it later.
    await until(() => kept() > before, AT_WORK_MS);
    await rest(REFUSED_MS);
  } catch (error) {
    return `the store could not be made to refuse ends, so nothing shows that results are kept: ${String(error)}`;
  } finally {
    store.exec("DROP TRIGGER IF EXISTS chaos_refusal");
    store.close();
  }
  return null;
}

async function atWork(program: KeptProgram, effectsFile: string): Promise<void> {
  await until(() => heldBy(program.pid, readEffects(effectsFile)).length >= BEGUN_MIN, AT_WORK_MS);
}

/** The attempts that this process has begun and not done. */
function heldBy(pid: number | null, lines: readonly Effect[]): Effect[] {
  const begun = new Map<string, Effect>();
  for (const line of lines) {
    if (line.pid !== pid) continue;
    if (line.what === "start") begun.set(`${line.jobId}/${line.attempt}`, line);
    else begun.delete(`${line.jobId}/${line.attempt}`);
  }
  return [...begun.values()];
}
