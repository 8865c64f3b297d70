/** Which statements a look takes: what is known is not read. */
import { describe, expect, test } from "vitest";
import { viewOfNew, type LiveJob } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import type { Querier, Row } from "./connection.ts";
import { liveColumns } from "./live-rows.ts";
import { SubmittedRows, type Columns } from "./submitted-rows.ts";
import { liveTable } from "@windlass/sql";

const MADE = "700";

function liveOf(given: Parameters<typeof jobRecord>[0] = {}): LiveJob {
  const { live } = viewOfNew(jobRecord(given), T0);
  if (live === null) throw new Error("a new job lives");
  return live;
}

/** A table with these rows, which answers the three forms, and says which was asked for. */
function tableOf(stored: readonly { readonly live: LiveJob; readonly made: string }[]): { readonly db: Querier; readonly asked: string[] } {
  const asked: string[] = [];
  const whole = ({ live }: { readonly live: LiveJob }): Row => liveTable.encode(live);
  const rows = async (sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> => {
    const form = sql.includes("ANY($1") ? "by id" : sql.includes(liveColumns()) ? "whole" : "number";
    asked.push(form);
    if (form === "by id") return stored.filter(({ live }) => (values[0] as string[]).includes(live.id)).map(whole);
    return form === "whole" ? stored.map((row) => [...whole(row), row.made]) : stored.map(({ live, made }) => [live.id, made]);
  };
  return { db: { rows } as unknown as Querier, asked };
}

const look = { sql: (columns: Columns) => `SELECT ${columns()} FROM jobs_live`, values: [] };
const stored = (lives: readonly LiveJob[], made = MADE): { live: LiveJob; made: string }[] => lives.map((live) => ({ live, made }));

describe("live rows that were submitted here", () => {
  test("are not read", async () => {
    const rows = new SubmittedRows();
    const lives = [liveOf(), liveOf()];
    rows.put(lives, MADE);
    const { db, asked } = tableOf(stored(lives));
    expect(await rows.read(db, "a", look)).toEqual(lives);
    expect(asked).toEqual(["number"]);
  });

  test("are read by id where a few are others, in their order", async () => {
    const rows = new SubmittedRows();
    const [a, b, c] = [liveOf(), liveOf(), liveOf()];
    rows.put([a, c], MADE);
    const { db, asked } = tableOf(stored([a, b, c]));
    expect((await rows.read(db, "a", look)).map(({ id }) => id)).toEqual([a.id, b.id, c.id]);
    expect(asked).toEqual(["number", "by id"]);
  });

  test("are read whole in a place where most are others, until most are known there", async () => {
    const rows = new SubmittedRows();
    const [own, others] = [
      [liveOf(), liveOf()],
      [liveOf(), liveOf()],
    ];
    rows.put(own, MADE);
    const foreign = tableOf(stored(others));
    for (let n = 0; n < 3; n++) await rows.read(foreign.db, "foreign", look);
    expect(foreign.asked).toEqual(["number", "by id", "whole", "whole"]);
    const ours = tableOf(stored(own));
    await rows.read(ours.db, "own", look);
    expect(ours.asked).toEqual(["number"]);
    const mixed = tableOf(stored(own));
    await rows.read(mixed.db, "foreign", look);
    await rows.read(mixed.db, "foreign", look);
    expect(mixed.asked).toEqual(["whole", "number"]);
  });

  test("count as known only with the number of the transaction that made them", async () => {
    const rows = new SubmittedRows();
    const lives = [liveOf()];
    rows.put(lives, MADE);
    const { db, asked } = tableOf(stored(lives, "701"));
    for (let n = 0; n < 3; n++) await rows.read(db, "a", look);
    expect(asked).toEqual(["number", "by id", "whole", "whole"]);
  });

  test.each(["a\0b", "half \uD800"])("are read where a text is stored as another one: %j", async (key) => {
    const rows = new SubmittedRows();
    const lives = [liveOf({ concurrency: { key, limit: 1 } }), liveOf({ fairnessKey: key }), liveOf({ name: key })];
    rows.put(lives, MADE);
    const { db, asked } = tableOf(stored(lives));
    await rows.read(db, "a", look);
    expect(asked).toEqual(["number", "by id"]);
  });

  test("share nothing with who has submitted them", async () => {
    const rows = new SubmittedRows();
    const retry = { limit: 1, on: ["failed"], backoff: { initial: 0, factor: 1, max: 0, jitter: 0 } };
    const live = liveOf({ retry: retry as never });
    rows.put([live], MADE);
    retry.limit = 99;
    const { db } = tableOf(stored([live]));
    expect((await rows.read(db, "a", look))[0]?.retry?.limit).toBe(1);
  });
});
