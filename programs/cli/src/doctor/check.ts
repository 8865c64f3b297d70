/** What a check of the surroundings finds, and how checks are run: side by side, each for so long at most. */
import { messageOf } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import { systemClock } from "../machine/system-clock.ts";

/** From well to bad. `missing`: Windlass works without it. `warning`: it works, but not as it should. */
export const STATUSES = ["ok", "missing", "warning", "failed"] as const;

export interface Finding {
  readonly name: string;
  readonly status: (typeof STATUSES)[number];
  readonly found: string;
  /** What it is there for; of what is missing, what it would give. */
  readonly gives: string;
  /** What to type to mend it. */
  readonly mend?: string;
}

export interface Check {
  readonly name: string;
  readonly gives: string;
  readonly look: () => Promise<Looked>;
}

/** What is found of a check that has a name; `ok` when nothing else is said. */
export type Looked = Pick<Finding, "found" | "mend"> & { readonly status?: Finding["status"] };

/** What has not answered by then is not well, whatever it is. */
const LOOK_MS_MAX = 4_000;
/** In so many turns: to load a library holds this program up, for seconds on a busy machine, and that is one turn at most. */
const TURNS = 8;

/** Findings in the order of the checks. A check that fails or hangs is a finding like any other. */
export function runChecks(
  checks: readonly Check[],
  { clock = systemClock, msMax = LOOK_MS_MAX }: { readonly clock?: Pick<Clock, "after">; readonly msMax?: number } = {},
): Promise<readonly Finding[]> {
  return Promise.all(
    checks.map(async ({ name, gives, look }): Promise<Finding> => {
      const late = Promise.withResolvers<Looked>();
      let left = TURNS;
      let cancel = (): void => {};
      const turn = (): void => {
        if (left-- > 0) cancel = clock.after(msMax / TURNS, turn);
        else late.resolve({ status: "warning", found: `no answer within ${msMax / 1000} s` });
      };
      turn();
      try {
        const looked = await Promise.race([look(), late.promise]);
        return { name, gives, status: "ok", ...looked };
      } catch (error) {
        return { name, gives, status: "failed", found: messageOf(error) };
      } finally {
        cancel();
      }
    }),
  );
}

/** As bad as the worst. */
export function worstOf(findings: readonly Finding[]): Finding["status"] {
  return STATUSES.findLast((status) => findings.some((finding) => finding.status === status)) ?? "ok";
}
