/** Carries a plan of strikes out at its times, and counts what was hit. */
import { setTimeout as rest } from "node:timers/promises";
import type { Strike } from "./strikes.ts";

/** Resolves with those that hit somebody, once all are over. */
export async function strikeAll<T extends string>(
  site: { strike(strike: Strike<T>): Promise<boolean> },
  strikes: readonly Strike<T>[],
): Promise<Strike<T>[]> {
  const begun = performance.now();
  const hits = await Promise.all(
    strikes.map(async (strike) => {
      await rest(Math.max(0, strike.atMs - (performance.now() - begun)));
      return (await site.strike(strike)) ? [strike] : [];
    }),
  );
  return hits.flat();
}

/** `server killed` */
export function told({ target, action }: Pick<Strike<string>, "target" | "action">): string {
  return `${target} ${action === "kill" ? "killed" : "frozen"}`;
}

export function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(items, key)].map(([name, same]) => [name, same.length]));
}
