/** `windlass jobs events` */
import type { EventJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { presentTable, tellMore } from "../output/api-object.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface JobEventsOptions {
  readonly after?: number;
  readonly limit?: number;
}

export async function listJobEvents(call: Call<JobEventsOptions>): Promise<void> {
  const { client } = connect(call);
  const { after, limit } = call.options;
  const id = await findJob(client, argumentOf(call, 0));
  const page = await client.jobs.events({ id, ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) });
  await presentTable<EventJson>(call, page, {
    columns: [
      { title: "NUMBER", value: (event) => String(event.seq) },
      { title: "AT", value: (event) => event.at },
      { title: "EVENT", value: (event) => event.type },
      { title: "ATTEMPT", value: (event) => String(event.attempt ?? "") },
      { title: "DATA", value: (event) => JSON.stringify(event.data), elastic: true },
    ],
    rows: page.items,
    none: "There are no later events.",
  });
  tellMore(call, page.more ? `--after ${page.items.at(-1)?.seq ?? after ?? 0}, or --limit` : null);
}
