/** `windlass schedules history`: what became of the times of a schedule. */
import { OCCURRENCE_REASONS } from "@windlass/kernel";
import type { OccurrenceJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { presentTable, tellCursor } from "../output/api-object.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";

interface HistoryOptions {
  readonly decision?: readonly string[];
  readonly origin?: OccurrenceJson["origin"];
  readonly run?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export async function scheduleHistory(call: Call<HistoryOptions>): Promise<void> {
  const { decision, origin, run, since, until, limit, cursor } = call.options;
  const asked = { origin, run, since, until, limit, cursor };
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  // The server refuses what is none, and says what is near.
  const decisions = decision === undefined ? {} : { decision: decision as OccurrenceJson["decision"][] };
  const answer = await connect(call).client.schedules.history({ name: argumentOf(call, 0), ...given, ...decisions });
  await presentTable<OccurrenceJson>(call, answer, { columns: COLUMNS, rows: answer.items, none: "Nothing was due yet." });
  tellCursor(call, answer.nextCursor);
}

const COLOURS: Readonly<Partial<Record<OccurrenceJson["decision"], "red" | "yellow" | "dim">>> = {
  refused: "red",
  dead_lettered: "red",
  missed: "yellow",
  skipped: "dim",
  coalesced: "dim",
};

const COLUMNS: readonly Column<OccurrenceJson>[] = [
  { title: "TIME", value: ({ nominalAt, lastAt, count }) => (count === 1 ? nominalAt : `${nominalAt} to ${lastAt}`) },
  { title: "COUNT", value: ({ count }) => (count === 1 ? "" : String(count)) },
  { title: "DECISION", value: ({ decision }) => decision, colour: ({ decision }) => COLOURS[decision] ?? null },
  { title: "JOB", value: ({ jobId }) => jobId ?? "" },
  { title: "ORIGIN", value: ({ origin }) => (origin === "schedule" ? "" : origin) },
  { title: "WHY", value: ({ message, reason }) => message ?? OCCURRENCE_REASONS[reason], elastic: true },
];
