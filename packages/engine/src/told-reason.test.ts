import { expect, test } from "vitest";
import { reasonOfEnd, reasonOfWord } from "./told-reason.ts";

test("words of a cluster and our own are known, and no other", () => {
  const words = ["OOMKilled", "memory_limit", "Nonsense", "constructor", "__proto__", "toString"];
  expect(words.map(reasonOfWord)).toEqual(["memory_limit", "memory_limit", null, null, null, null]);
  expect(reasonOfEnd("failed", { word: "constructor", exitCode: 3 })).toBe("exit_code");
});
