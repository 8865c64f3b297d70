/** `windlass events list` */
import type { EventJson } from "@windlass/contract";
import { eventTypes } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { presentTable } from "../output/api-object.ts";
import type { Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

export interface ListEventsOptions {
  readonly type?: readonly string[];
  readonly after?: string;
  readonly limit?: number;
}

export async function listEvents(call: Call<ListEventsOptions>): Promise<void> {
  const { type, after, limit } = call.options;
  for (const value of type ?? []) demandKnown("--type", { what: "event", value, known: eventTypes });
  const asked = Object.fromEntries(Object.entries({ type, after, limit }).filter(([, value]) => value !== undefined));
  const page = await connect(call).client.events.list(asked);
  await presentTable<EventJson>(call, page, {
    columns: [
      { title: "AT", value: (event) => event.at },
      { title: "EVENT", value: (event) => event.type },
      { title: "JOB", value: (event) => event.jobId },
      { title: "ATTEMPT", value: (event) => String(event.attempt ?? "") },
      { title: "DATA", value: (event) => JSON.stringify(event.data), elastic: true, wide: true },
    ],
    rows: page.items,
    none: "No event fits.",
  });
  if (page.more && call.format === "table") call.terminal.err(`There are more: add --after ${page.next}, or --limit.\n`);
}
