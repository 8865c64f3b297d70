import { expect, test } from "vitest";
import { textOf, writtenAhead } from "./answer-text.ts";

test("what was written ahead is what is sent, and anything else is written when it is asked for", () => {
  const result: { id: string; labels: Record<string, string> } = writtenAhead({ id: "job_1", labels: {} });
  result.labels["late"] = "1";
  expect(textOf(result)).toBe('{"id":"job_1","labels":{}}');
  expect(textOf({ ...result, id: "job_3" })).toBe('{"id":"job_3","labels":{"late":"1"}}');
  for (const other of [{ id: "job_2" }, [1], "text", null]) expect(textOf(other)).toBe(JSON.stringify(other));
});
