import { expect, test } from "vitest";
import { jobRecord, T0 } from "@windlass/testkit";
import { packReply, packValues, unpackValues, valueOf } from "./packed.ts";

test("the changes of a commit arrive as they were sent", () => {
  const values = [[{ type: "submit", job: jobRecord({ input: { text: "ä\u2028\ud800", nothing: null } }) }], T0];
  const packed = packValues("commit", values);
  expect(typeof packed).toBe("string");
  expect(unpackValues(packed)).toEqual(values);
});

test("other calls go as they are", () => {
  const values = [{ limit: 1 }];
  expect(unpackValues(packValues("claim", values))).toBe(values);
});

test.each(["results", "jobs"])("the %s of an answer arrive with all that stands beside them", (list) => {
  const value = {
    [list]: [{ id: "job_1" }, { id: "job_2" }],
    signals: { ready: new Set(["handler/default"]) },
    tally: new Map([["q", 1]]),
  };
  const reply = packReply({ id: 7, value });
  expect(structuredClone(reply)).toEqual(reply);
  expect(valueOf(reply)).toEqual(value);
});

test.each([undefined, null, 7, "results", [], { signals: [] }])("an answer without such a list stays as it is: %j", (value) => {
  const reply = { id: 7, value };
  expect(packReply(reply)).toBe(reply);
  expect(valueOf(reply)).toBe(value);
});
