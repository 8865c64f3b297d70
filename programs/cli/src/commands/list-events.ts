/** `windlass events list`: a page of them, or each as it comes. */
import type { EventJson } from "@windlass/contract";
import { eventTypes, WindlassError } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { INTERRUPTED, interruption } from "../machine/interruption.ts";
import { changesOf } from "../output/answer-changes.ts";
import { presentTable, tellMore } from "../output/api-object.ts";
import { isForPeople, namesIn, type TableOf } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import type { Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";
import { comeBack } from "../tree/typed.ts";

export interface ListEventsOptions {
  readonly type?: readonly string[];
  readonly after?: string;
  readonly limit?: number;
}

export async function listEvents(call: Call<ListEventsOptions>): Promise<number | void> {
  const { type, after, limit, watch } = call.options;
  for (const value of type ?? []) demandKnown("--type", { what: "event", value, known: eventTypes });
  if (watch === true && limit !== undefined)
    throw new WindlassError("usage", "--limit is of a page, and --watch has no end; take one of them");
  const asked = Object.fromEntries(Object.entries({ type, after, limit }).filter(([, value]) => value !== undefined));
  if (watch === true) return followEvents(call, asked);
  const page = await connect(call).client.events.list(asked);
  await presentTable<EventJson>(call, page, { columns: COLUMNS, rows: page.items, none: "No event fits." });
  tellMore(call, page.more ? `--after ${page.next}, or --limit` : null);
}

/** Until it is interrupted; a server that is away is waited for, about a minute, and nothing is left out. */
async function followEvents(call: Call, asked: object): Promise<number> {
  // Before anything comes: events have no names.
  if (call.format === "name") namesIn({});
  const interrupted = interruption(call);
  const changes = changesOf(call);
  if (call.terminal.live && isForPeople(call.format)) call.terminal.err("Each event as it comes; Ctrl-C ends it.\n");
  let position: string | undefined;
  try {
    for await (const item of connect(call).client.events.watch(asked, { signal: interrupted.signal })) {
      if (item.type === "reset") {
        call.terminal.err("Some events are not told: they were removed, or come from before a restore.\n");
        continue;
      }
      position = item.event.position ?? position;
      const table = { columns: COLUMNS, rows: [item.event], none: "" } as unknown as TableOf;
      call.terminal.out(await changes({ object: { items: [item.event] }, table, human: () => "" }));
    }
  } catch (error) {
    if (!interrupted.signal.aborted) {
      if (position !== undefined) call.terminal.err(`Go on with: ${comeBack(behind(call.typed, position))}\n`);
      throw error;
    }
  } finally {
    interrupted.takeBack();
  }
  call.terminal.err(`\nNo longer watching. Come back with: ${comeBack(behind(call.typed, position))}\n`);
  return INTERRUPTED;
}

/** What was typed, to go on behind a position. */
function behind(typed: readonly string[], position: string | undefined): readonly string[] {
  if (position === undefined) return typed;
  const rest = typed.filter((arg, index) => arg !== "--after" && typed[index - 1] !== "--after" && !arg.startsWith("--after="));
  return [...rest, "--after", position];
}

const COLUMNS: readonly Column<EventJson>[] = [
  { title: "AT", value: (event) => event.at },
  { title: "EVENT", value: (event) => event.type },
  { title: "JOB", value: (event) => event.jobId },
  { title: "ATTEMPT", value: (event) => String(event.attempt ?? "") },
  { title: "DATA", value: (event) => JSON.stringify(event.data), elastic: true, wide: true },
];
