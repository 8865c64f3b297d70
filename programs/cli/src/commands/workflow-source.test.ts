import { expect, test } from "vitest";
import { inputsOf } from "./workflow-source.ts";

test("an input whose name means something to JavaScript is handed on, to be refused with the others that there are not", async () => {
  const json: unknown = JSON.parse('{"__proto__": 1}');
  const pairs = [["constructor", "x"]] as const;
  expect(JSON.stringify(await inputsOf({ pairs, json }, async () => ({})))).toBe('{"__proto__":1,"constructor":"x"}');
  const typed = await inputsOf({ pairs: [["__proto__", "x"]], json: undefined }, async () => ({}));
  expect(JSON.stringify(typed)).toBe('{"__proto__":"x"}');
  await expect(inputsOf({ pairs: [["__proto__", "x"]], json }, async () => ({}))).rejects.toThrow("the input __proto__ is given twice");
});
