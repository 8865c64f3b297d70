/** `windlass jobs counts` */
import { connect } from "../connection/connect.ts";
import { presentTable } from "../output/api-object.ts";
import { isForPeople } from "../output/present.ts";
import type { Call } from "../tree/call.ts";
import { askedFilter, type FilterOptions } from "./bulk-jobs.ts";

export async function countJobs(
  call: Call<FilterOptions & { readonly by: "state" | "kind" | "queue"; readonly roots?: boolean }>,
): Promise<void> {
  const { by, roots } = call.options;
  const answer = await connect(call).client.jobs.counts({
    ...askedFilter(call.options),
    by,
    ...(roots === true ? { rootsOnly: true } : {}),
  });
  await presentTable(call, answer, {
    columns: [
      { title: by.toUpperCase(), value: (row) => row.value, elastic: true },
      { title: "JOBS", value: (row) => String(row.count) },
    ],
    rows: answer.items,
    none: "No job fits.",
  });
  if (answer.capped && isForPeople(call.format)) call.terminal.err(`There are more than these ${answer.total}, which are the newest.\n`);
}
