import { expect, test } from "vitest";
import { fillInput } from "./fill-input.ts";
import { timingOf } from "./timing-fixture.ts";

const times = { nominalAt: Date.UTC(2026, 6, 1, 7, 0), dueAt: Date.UTC(2026, 6, 1, 7, 0, 5) };
const schedule = { id: "sch_1", name: "report", timing: timingOf({ timezone: "Europe/Berlin" }) };

test.each([
  ["{{ schedule.id }}", "sch_1"],
  ["{{ schedule.name }}", "report"],
  ["{{ schedule.timezone }}", "Europe/Berlin"],
  ["{{ schedule.nominal_time }}", "2026-07-01T07:00:00.000Z"],
  ["{{ schedule.nominal_local_time }}", "2026-07-01T09:00:00+02:00"],
  ["{{ schedule.nominal_date }}", "2026-07-01"],
  ["{{ schedule.due_time }}", "2026-07-01T07:00:05.000Z"],
  ["{{schedule.name}} of {{ schedule.nominal_date }}", "report of 2026-07-01"],
  ["nothing", "nothing"],
])("%s is %s", (text, filled) => {
  expect(fillInput({ ...schedule, input: text }, times)).toBe(filled);
  expect(fillInput({ ...schedule, input: { list: [text, 7, null] } }, times)).toEqual({ list: [filled, 7, null] });
});

test("an input is filled in anew for each time", () => {
  const input = { at: "{{ schedule.due_time }}" };
  const at = (dueAt: number): unknown => fillInput({ ...schedule, input }, { ...times, dueAt });
  expect([at(0), at(1_000)]).toEqual([{ at: "1970-01-01T00:00:00.000Z" }, { at: "1970-01-01T00:00:01.000Z" }]);
});

test("what schedules share and what names none of them is filled in once for all that are due at once, and frozen", () => {
  const input = { at: ["{{ schedule.nominal_time }}"] };
  const filled = fillInput({ ...schedule, input }, times);
  expect(fillInput({ ...schedule, id: "sch_2", name: "other", input }, times)).toBe(filled);
  expect(Object.isFrozen(filled) && Object.isFrozen((filled as typeof input).at)).toBe(true);
});

test("each schedule gets its own where they share an input", () => {
  const of = (change: Partial<typeof schedule>, text: string, input = { text: `{{ ${text} }}` }): unknown[] =>
    [{}, change, {}].map((changed) => (fillInput({ ...schedule, ...changed, input }, times) as typeof input).text);
  expect(of({ id: "sch_2" }, "schedule.id")).toEqual(["sch_1", "sch_2", "sch_1"]);
  expect(of({ name: "other" }, "schedule.name")).toEqual(["report", "other", "report"]);
  const zones = of({ timing: timingOf({ timezone: "UTC" }) }, "schedule.nominal_local_time");
  expect(zones).toEqual(["2026-07-01T09:00:00+02:00", "2026-07-01T07:00:00+00:00", "2026-07-01T09:00:00+02:00"]);
});

test.each(["schedule.nominal_tim", "constructor", "toString", "__proto__"])("%s is not known", (name) => {
  expect(() => fillInput({ ...schedule, input: { a: [`{{ ${name} }}`] } }, times)).toThrow(`input.a[0]: {{ ${name} }} is not known here`);
});
