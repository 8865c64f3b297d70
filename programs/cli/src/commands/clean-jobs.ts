/** `windlass jobs clean --stuck` */
import type { CleanedJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { now } from "../output/api-object.ts";
import { count, jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Call } from "../tree/call.ts";

interface CleanOptions {
  readonly yes?: boolean;
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly limit?: number;
}

export async function cleanJobs(call: Call<CleanOptions>): Promise<void> {
  const { yes = false, olderThan, limit } = call.options;
  const answer = await connect(call).client.jobs.clean({
    dryRun: !yes,
    ...(olderThan === undefined ? {} : { olderThanSeconds: olderThan / 1000 }),
    ...(limit === undefined ? {} : { limit }),
  });
  await present(call, answer, () => textOf(call, answer));
}

function textOf(call: Call, { items, unseen, dryRun }: CleanedJson): string {
  const lines = items.map(({ job, why, since }) => `${jobLine(job, call.terminal.style, now())}\n  ${why}, since ${since} at the latest\n`);
  const ended = items.filter(({ cleaned }) => cleaned).length;
  const done = dryRun
    ? `${count(items.length, "job")} would be ended${items.length === 0 ? "" : "; add --yes to do it"}`
    : `${count(ended, "job")} ended`;
  const others = unseen === 0 ? "" : `${count(unseen, "attempt")} as old run where this server cannot look, and are left alone.\n`;
  return `${lines.join("")}${done}.\n${others}`;
}
