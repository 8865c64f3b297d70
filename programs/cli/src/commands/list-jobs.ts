/** `windlass jobs list` */
import type { Input, Operations } from "@windlass/contract";
import { jobStates, outcomes, JOB_KINDS, WindlassError } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { now, presentTable, tellMore } from "../output/api-object.ts";
import { jobColumns } from "../output/job-lines.ts";
import type { Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

export interface ListJobsOptions {
  readonly all?: boolean;
  readonly state?: readonly string[];
  readonly outcome?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly queue?: string;
  readonly label?: readonly (readonly [string, string])[];
  readonly parent?: string;
  readonly root?: string;
  readonly order?: "newest" | "oldest";
  readonly limit?: number;
  readonly cursor?: string;
}

type Query = NonNullable<Input<Operations["jobs"]["list"]>>;

export async function listJobs(call: Call<ListJobsOptions>): Promise<void> {
  const { client } = connect(call);
  const { parent, root } = call.options;
  const query = queryOf({
    ...call.options,
    ...(parent === undefined ? {} : { parent: await findJob(client, parent) }),
    ...(root === undefined ? {} : { root: await findJob(client, root) }),
  });
  const page = await client.jobs.list(query);
  await presentTable(call, page, { columns: jobColumns(now()), rows: page.items, none: isNarrowed(query) ? "No job fits." : NONE });
  tellMore(call, page.nextCursor === null ? null : `--cursor ${page.nextCursor}, or --limit`);
}

const NONE = "No jobs. Make one: windlass run examples/hello.yaml, or windlass jobs submit -- COMMAND";

function queryOf(options: ListJobsOptions): Query {
  for (const state of options.state ?? []) demandKnown("--state", { what: "state", value: state, known: jobStates });
  if (options.outcome !== undefined) demandKnown("--outcome", { what: "outcome", value: options.outcome, known: outcomes });
  if (options.kind !== undefined) demandKnown("--kind", { what: "kind", value: options.kind, known: JOB_KINDS });
  const [label, ...others] = options.label ?? [];
  if (others.length > 0) throw new WindlassError("usage", "a list can be narrowed by one label; give --label once");
  const named = {
    state: options.state,
    outcome: options.outcome,
    kind: options.kind,
    name: options.name,
    queue: options.queue,
    parentId: options.parent,
    rootId: options.root,
    order: options.order,
    limit: options.limit,
    cursor: options.cursor,
  };
  const rootsOnly =
    options.all === true || options.parent !== undefined || options.root !== undefined || options.kind !== undefined ? undefined : true;
  return { ...named, rootsOnly, label: label === undefined ? undefined : label.join("=") } as unknown as Query;
}

/** By more than the page and the level. */
function isNarrowed({ limit: _limit, rootsOnly: _rootsOnly, order: _order, ...rest }: Query): boolean {
  return Object.values(rest).some((value) => value !== undefined);
}
