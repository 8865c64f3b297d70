import { liveTable } from "@windlass/sql";
import { expect, test } from "vitest";
import { liveColumns, liveOf } from "./live-rows.ts";

const NAMES = liveTable.columns.map(({ name }) => name);

test("every column is selected, in the order of the table", () => {
  const selected = liveColumns("l.").split(/, (?=l\.(?!id\))|nullif)/u);
  expect(selected.map((text) => /l\.(\w+)/u.exec(text)?.[1])).toEqual(NAMES);
});

test("what was not sent is what a new job has", () => {
  const row = NAMES.map((name) => (name === "id" ? "job_1" : null));
  expect(liveOf(row)).toMatchObject({
    id: "job_1",
    rootId: "job_1",
    state: "queued",
    attempt: 0,
    eventSeq: 1,
    blocked: false,
    session: null,
  });
  const other = NAMES.map((name) => (name === "root_id" ? "job_0" : name === "event_seq" ? 4 : name === "blocked" ? 1 : null));
  expect(liveOf(other)).toMatchObject({ rootId: "job_0", eventSeq: 4, blocked: true });
});
