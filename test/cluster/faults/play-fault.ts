/** Brings one fault about at a site of its own, and says what was not as it must be afterwards. */
import { BUSYBOX_IMAGE, type LabAddress } from "@windlass/testkit/lab";
import { violationsOf } from "./check-history.ts";
import { faultSite } from "./fault-site.ts";
import type { Fault } from "./faults.ts";
import { readHistory } from "./read-history.ts";

export interface FaultReport {
  readonly violations: readonly string[];
  readonly jobs: number;
  readonly attempts: number;
}

export async function played({ play }: Fault, address: LabAddress): Promise<FaultReport> {
  const site = await faultSite(address, BUSYBOX_IMAGE);
  const violations: string[] = [];
  let [jobs, attempts] = [0, 0];
  try {
    await play(site).catch((error: unknown) => void violations.push(error instanceof Error ? error.message : String(error)));
    const history = await readHistory(site);
    violations.push(...violationsOf(history));
    jobs = history.jobs.length;
    attempts = history.jobs.reduce((sum, job) => sum + job.attempts.length, 0);
  } catch (error) {
    violations.push(String(error));
  } finally {
    await site.leave();
  }
  return { violations, jobs, attempts };
}
