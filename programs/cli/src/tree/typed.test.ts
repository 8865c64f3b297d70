import { expect, test } from "vitest";
import { comeBack } from "./typed.ts";

test("what was typed can be typed again, and shows no token", () => {
  expect(comeBack(["jobs", "list", "-w", "--name", "two words"])).toBe("windlass jobs list -w --name 'two words'");
  expect(comeBack(["logs", "-f", "it's"])).toBe(`windlass logs -f 'it'\\''s'`);
  expect(comeBack(["jobs", "list", "--token", "wl_secret", "--token=wl_secret"])).toBe("windlass jobs list --token TOKEN --token=TOKEN");
});
