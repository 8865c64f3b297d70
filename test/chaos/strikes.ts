/** What is done to whom and when, from a seed. Pure: the same seed strikes the same, though what it hits is never the same. */
import type { SeededRandom } from "@windlass/testkit/fakes";

/** Who may be struck. `connection`: one server process of PostgreSQL; `postgres`: all of it. */
export type Target = "server" | "server-b" | "worker" | "remote-worker" | "supervisor" | "supervisor-b" | "connection" | "postgres";

export interface Strike<T extends string = Target> {
  readonly atMs: number;
  readonly target: T;
  /** `kill` keeps it down for so long, `freeze` thaws it after so long. */
  readonly action: "kill" | "freeze";
  readonly forMs: number;
}

export const TARGETS: Readonly<Record<"sqlite" | "postgres", readonly Target[]>> = {
  sqlite: ["server", "server", "remote-worker", "supervisor"],
  postgres: ["server", "server-b", "worker", "remote-worker", "supervisor", "supervisor-b", "connection", "postgres"],
};

const FREEZE_MS = { from: 1_000, below: 8_000 };
const DOWN_MS = 1_500;

/** Of one target, on average: it is up, and at work, more often than not. */
const PAUSE_PER_TARGET_MS = 6_000;

/** Always some; a target that is still down or frozen is passed over. */
export function planStrikes<T extends string>(random: SeededRandom, targets: readonly T[], durationMs: number): readonly Strike<T>[] {
  const strikes: Strike<T>[] = [];
  const freeAt = new Map<T, number>();
  const pauseMs = (2 * PAUSE_PER_TARGET_MS) / targets.length;
  for (let atMs = random.int(1_000); atMs < durationMs; atMs += 200 + random.int(pauseMs)) {
    const target = random.pick(targets);
    const action = random.chance(0.6) ? "kill" : "freeze";
    const forMs = action === "kill" ? random.int(DOWN_MS) : FREEZE_MS.from + random.int(FREEZE_MS.below - FREEZE_MS.from);
    if ((freeAt.get(target) ?? 0) > atMs) continue;
    freeAt.set(target, atMs + forMs);
    strikes.push({ atMs, target, action, forMs });
  }
  return strikes;
}
