/** `windlass schedules next`: when a schedule fires, or options would, in its zone and in the one of whoever looks. */
import type { FireJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { presentTable } from "../output/api-object.ts";
import type { Call } from "../tree/call.ts";
import { writtenTiming, type TimingOptions } from "./written-timing.ts";

interface NextOptions extends TimingOptions {
  readonly count?: number;
  readonly zone?: string;
  readonly after?: string;
}

export async function nextFires(call: Call<NextOptions>): Promise<void> {
  const { count, zone = Intl.DateTimeFormat().resolvedOptions().timeZone, after } = call.options;
  const asked = { zone, ...(count === undefined ? {} : { count }), ...(after === undefined ? {} : { after }) };
  const timing = writtenTiming(call.options);
  const [name] = call.args;
  const { client } = connect(call);
  if (typeof name === "string") {
    const [extra] = Object.keys(timing);
    if (extra !== undefined) throw new WindlassError("usage", `--${extra} is for a preview without a name; ${name} has its own times`);
    const answer = await client.schedules.next({ name, ...asked });
    const none = answer.paused ? `${name} is paused: windlass schedules resume ${name}` : `${name} fires no more.`;
    return presentTable(call, answer, { columns: columns(answer.timezone, zone), rows: answer.items, none });
  }
  if (Object.keys(timing).length === 0) throw new WindlassError("usage", "whose fires? Give the name of a schedule, or --cron or --every");
  const answer = await client.schedules.preview({ ...timing, ...asked });
  await presentTable(call, answer, { columns: columns(answer.timing.timezone, zone), rows: answer.items, none: "It never fires." });
}

function columns(zone: string, viewer: string) {
  const own = [{ title: zone.toUpperCase(), value: ({ local }: FireJson) => local }];
  return zone === viewer ? own : [...own, { title: viewer.toUpperCase(), value: ({ viewed }: FireJson) => viewed }];
}
