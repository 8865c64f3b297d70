import { expect, test } from "vitest";
import type { Change, ChangeResult, Settle } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import { packReply, packValues, unpackValues, valueOf } from "./packed.ts";

const ended: Settle = {
  type: "settle",
  id: "job_1",
  attempt: 2,
  by: { type: "holder", token: 3 },
  result: { outcome: "succeeded", reason: "ok", message: null, output: null },
  stopped: false,
  random: 0.123456789,
};

test("the changes of a commit arrive as they were sent", () => {
  const inputs = [{ text: "ä\u2028\ud800", nothing: null }, "1", 1, null, [], "{}", { a: [1] }, true, ""];
  const submits = inputs.map((input): Change => ({
    type: "submit",
    job: jobRecord({ input, retry: { limit: 2, on: [], backoff: "none" } as never }),
    ...(input === 1 ? { definitions: ["report", "day"] } : {}),
  }));
  for (const count of [1, 7, 8, 9]) {
    const values = [[ended, ...submits.slice(0, count), { ...ended, stopped: true }], T0];
    const packed = packValues("commit", values);
    expect(typeof packed).toBe("string");
    expect(unpackValues("commit", packed)).toStrictEqual(values);
  }
  for (const input of inputs) {
    const values = [Array.from({ length: 10 }, () => ({ type: "submit", job: jobRecord({ input }) })), T0];
    expect(unpackValues("commit", packValues("commit", values))).toEqual(values);
  }
});

test.each([
  {},
  { stopped: true },
  { told: "failed" },
  { retryAfterMs: 7 },
  { by: { type: "approval", by: "somebody" } },
  { result: { ...ended.result, output: 0 } },
  { result: { ...ended.result, outcome: "failed" } },
  { result: { ...ended.result, reason: "deferred" } },
  { result: { ...ended.result, message: "" } },
  { result: { ...ended.result, exitCode: 0 } },
  { result: { ...ended.result, signal: "SIGTERM" } },
  { result: { ...ended.result, evidence: {} } },
] as Partial<Settle>[])("an end arrives as it was sent: %j", (change) => {
  const values = [[{ ...ended, ...change }, ended], T0];
  expect(unpackValues("commit", packValues("commit", values))).toStrictEqual(values);
});

test("the usual end is short", () => {
  expect(packValues("commit", [[ended], T0])).toBe(JSON.stringify([[[["job_1", 2, 3, 0.123456789]], null], T0]));
});

test("other calls go as they are", () => {
  const values = [{ limit: 1 }];
  expect(unpackValues("claim", packValues("claim", values))).toBe(values);
});

test("the jobs of an answer arrive with all that stands beside them", () => {
  const value = {
    jobs: [{ id: "job_1" }, { id: "job_2" }],
    signals: { ready: new Set(["handler/default"]) },
    tally: new Map([["q", 1]]),
  };
  const reply = packReply({ id: 7, value });
  expect(structuredClone(reply)).toEqual(reply);
  expect(valueOf(reply)).toEqual(value);
});

test("an answer of which no text can be made arrives as it is", () => {
  // As what is longer than a text may be.
  const value = { jobs: [{ id: "job_1", count: 1n }], signals: { ready: new Set(["handler/default"]) } };
  const reply = packReply({ id: 7, value });
  expect(valueOf(structuredClone(reply))).toEqual(value);
});

test("the results of a commit arrive, and only those that say more than that a change was accepted are written out", () => {
  const submit = (id: string): Change => ({ type: "submit", job: jobRecord({ id }) });
  const told: readonly (readonly [Change, ChangeResult])[] = [
    [ended, { ok: true, id: "job_1" }],
    [ended, { ok: false, id: "job_1", refusal: { code: "token_stale", why: "another one holds it" } }],
    [submit("job_2"), { ok: true, id: "job_2", created: true }],
    [submit("job_3"), { ok: true, id: "job_2", created: false }],
    [ended, { ok: true, id: "job_1" }],
  ];
  const values = [told.map(([change]) => change), T0];
  const value = { results: told.map(([, result]) => result), signals: { ready: new Set(["handler/default"]) } };
  const reply = packReply({ id: 7, value }, values);
  expect(valueOf(structuredClone(reply), values)).toEqual(value);
  expect(JSON.parse(reply.packed ?? "")).toHaveLength(2);
});

test.each([undefined, null, 7, "results", [], { signals: [] }])("an answer without such a list stays as it is: %j", (value) => {
  const reply = { id: 7, value };
  expect(packReply(reply)).toBe(reply);
  expect(valueOf(reply)).toBe(value);
});
