/**
 * Jobs that find their concurrency key full and are not to wait: skipped, or put in the place of what holds the key. Looks at
 * the stored rows (level-triggered), so that it does not matter who saw the conflict, or died after it.
 *
 * K1. Of several that want to replace, the newest stays; those before it are replaced like what holds the key.
 * K2. No more is told to end than makes room for one job, and nothing while something that was told to has not ended.
 */
import type { Change, LiveJob } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { stopOf } from "./stop.ts";

/** Jobs that one pass looks at; the next takes the rest. */
const BATCH = 500;

export async function settleConflicts(context: EngineContext): Promise<void> {
  const contending = await context.store.jobs.live({ contending: true }, BATCH);
  if (contending.length === 0) return;
  const byKey = Map.groupBy(contending, ({ concurrencyKey }) => concurrencyKey ?? "");
  const changes: Change[] = [];
  for (const [key, jobs] of byKey) {
    const { limit, holders } = await context.store.reads.keyHolders(key);
    const name = key.slice(key.indexOf("/") + 1);
    const message = `its concurrency key "${name}" is held by ${holders.join(", ") || "another job"}`;
    changes.push(...jobs.filter(({ onConflict }) => onConflict === "skip").map(({ id }) => ({ type: "skip", id, message }) as const));
    const replacing = jobs.filter(({ onConflict }) => onConflict === "replace");
    changes.push(...(await replacements(context, replacing, { limit, holders })));
  }
  await context.commit(changes);
}

async function replacements(
  { store }: EngineContext,
  replacing: readonly LiveJob[],
  { limit, holders }: { readonly limit: number; readonly holders: readonly string[] },
): Promise<readonly Change[]> {
  const newest = replacing.at(-1);
  if (newest === undefined) return [];
  const replaced = (id: string): Change =>
    stopOf(id, { stopFor: "replaced", reason: "replaced", message: `replaced by ${newest.id}`, by: newest.id });
  const older = replacing.slice(0, -1).map(({ id }) => replaced(id));
  if (holders.length < limit) return older;
  const held = await Promise.all(holders.toSorted().map((id) => store.reads.get(id)));
  const lives = held.flatMap((view) => ((view?.live ?? null) === null ? [] : [view?.live as LiveJob]));
  if (lives.some(({ state }) => state === "stopping")) return older;
  const [oldest] = lives.filter(({ id }) => id < newest.id);
  return oldest === undefined ? older : [...older, replaced(oldest.id)];
}
