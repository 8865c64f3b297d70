/** `windlass jobs cancel-many` and `retry-many` */
import type { BulkJson, Input, Operations } from "@windlass/contract";
import { jobStates, outcomes, WindlassError } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { now } from "../output/api-object.ts";
import { count, jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

export interface FilterOptions {
  readonly state?: readonly string[];
  readonly outcome?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly queue?: string;
  readonly label?: readonly (readonly [string, string])[];
}

interface BulkOptions extends FilterOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly limit?: number;
  readonly message?: string;
  /** Milliseconds. */
  readonly grace?: number;
}

type Bulk = Input<Operations["jobs"]["retryMany"]>;

export async function cancelMany(call: Call<BulkOptions>): Promise<number | void> {
  const { message, grace } = call.options;
  const answer = await connect(call).client.jobs.cancelMany({
    ...bulkOf(call.options),
    ...(message === undefined ? {} : { message }),
    ...(grace === undefined ? {} : { graceSeconds: grace / 1000 }),
  });
  return show(call, answer, { would: "would be cancelled", did: "told to end" });
}

export async function retryMany(call: Call<BulkOptions>): Promise<number | void> {
  return show(call, await connect(call).client.jobs.retryMany(bulkOf(call.options)), { would: "would be run again", did: "run again" });
}

/** As the API takes it. Throws `usage` for what is none of ours. */
export function askedFilter({
  state,
  outcome,
  kind,
  name,
  queue,
  label,
}: FilterOptions): Pick<Bulk, "state" | "outcome" | "kind" | "name" | "queue" | "label"> {
  for (const value of state ?? []) demandKnown("--state", { what: "state", value, known: jobStates });
  if (outcome !== undefined) demandKnown("--outcome", { what: "outcome", value: outcome, known: outcomes });
  const [first, ...others] = label ?? [];
  if (others.length > 0) throw new WindlassError("usage", "jobs can be narrowed by one label; give --label once");
  const asked = { state, outcome, kind, name, queue, label: first?.join("=") };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function bulkOf(options: BulkOptions): Bulk {
  const { all, dryRun, limit } = options;
  const filter = askedFilter(options);
  const given = Object.keys(filter).map((name) => `--${name}`);
  if (given.length === 0 && all !== true)
    throw new WindlassError(
      "usage",
      "which jobs? Nothing chooses them: give --state, --outcome, --kind, --name, --queue or --label, or --all for every job of the workspace; --dry-run shows first which those are",
    );
  if (given.length > 0 && all === true)
    throw new WindlassError("usage", `--all means every job of the workspace, and ${given.join(" and ")} only some; leave one of them out`);
  return {
    ...filter,
    ...(all === true ? { all } : {}),
    ...(dryRun === true ? { dryRun } : {}),
    ...(limit === undefined ? {} : { limit }),
  };
}

async function show(call: Call, answer: BulkJson, words: { readonly would: string; readonly did: string }): Promise<number | void> {
  const { style } = call.terminal;
  await present(call, answer, () => {
    const jobs = answer.dryRun ? `${count(answer.matched, "job")} ${words.would}` : `${count(answer.done, "job")} ${words.did}`;
    const lines = answer.dryRun ? answer.sample.map((job) => `${jobLine(job, style, now())}\n`).join("") : "";
    const rest = answer.matched > answer.sample.length && answer.dryRun ? `… and ${answer.matched - answer.sample.length} more\n` : "";
    const refused = answer.refused.map(({ problem }) => `not done: ${problem.detail}\n`).join("");
    return `${lines}${rest}${jobs}.\n${refused}${answer.more ? "More fit than the limit lets through: run it again, or give --limit.\n" : ""}`;
  });
  return answer.refused.length > 0 ? 1 : undefined;
}
