import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noticeAttributes, readNotice, TRIGGER_TYPES, type Notice } from "./notice.ts";

const NOTICE: Notice = {
  version: 1,
  type: "execution",
  workflow_id: "nightly",
  schedule_id: "every-night",
  execution_id: "job_1",
  nominal_time: "2026-01-31T09:00:00Z",
  trigger_type: "schedule",
  input: { day: 31 },
  sent_at: "2026-01-31T09:00:00.125Z",
};

const faultOf = (change: Readonly<Record<string, unknown>>): string => {
  const read = readNotice(JSON.stringify({ ...NOTICE, ...change }));
  return "fault" in read ? `${read.fault}: ${read.message}` : "none";
};

test("a notice is read as it was written, with and without what may be left out", () => {
  expect(readNotice(JSON.stringify(NOTICE))).toEqual({ notice: NOTICE });
  const { schedule_id, execution_id, input, ...bare } = NOTICE;
  expect(readNotice(JSON.stringify(bare))).toEqual({ notice: bare });
  expect(noticeAttributes(NOTICE)).toEqual({ trigger_type: "schedule", workflow_id: "nightly" });
});

test.each(["", "{", "null", "[]", '"x"', "7"])("the body %j is malformed, and said so", (body) => {
  expect(readNotice(body)).toMatchObject({ fault: "malformed" });
});

describe("what is JSON and no notice", () => {
  test.each([
    [{ version: 2 }, "version is 2; it must be 1"],
    [{ type: "task" }, 'type is "task"; it must be "execution"'],
    [{ workflow_id: undefined }, "workflow_id is missing"],
    [{ workflow_id: "" }, "workflow_id is"],
    [{ execution_id: 5 }, "execution_id is 5"],
    [{ nominal_time: "2026-01-31 09:00" }, "nominal_time is"],
    [{ nominal_time: "2026-01-31T09:00:00" }, "it must be a time such as"],
    [{ sent_at: "2026-02-31T25:00:00Z" }, "sent_at is"],
    [{ trigger_type: "cron" }, `one of ${TRIGGER_TYPES.join(", ")}`],
    [{ input: [1] }, "input is [1]; it must be a JSON object"],
    [{ workflow: "x" }, '"workflow" is not known; did you mean "workflow_id"?'],
  ])("%j is told", (change, told) => {
    expect(faultOf(change)).toMatch(/^schema: /u);
    expect(faultOf(change)).toContain(told);
  });

  test("is told with all its faults at once, each of a length that can be shown", () => {
    const told = faultOf({ version: 0, workflow_id: "x".repeat(5_000), sent_at: null });
    for (const key of ["version", "workflow_id", "sent_at"]) expect(told).toContain(`${key} is`);
    expect(told.length).toBeLessThan(600);
  });
});

test("no body whatever makes reading throw", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => Object.keys(readNotice(body)).length > 0));
});
