/** A code that nothing produces, and a setting that nothing reads, are promises that are not kept. */
import { errorCodes, eventTypes, reasons, settingNames } from "@windlass/kernel";
import { expect, test } from "vitest";
import { productFiles } from "./source-files.ts";

/** The first reads every file of ours, and a busy machine takes its time. */
const TIMEOUT_MS = 60_000;

test.each([
  ["reason", "packages/kernel/src/reason.ts", reasons],
  ["error", "packages/kernel/src/error.ts", errorCodes],
  ["event", "packages/kernel/src/event.ts", eventTypes],
  ["setting", "packages/kernel/src/setting.ts", settingNames],
] as const)("every %s is used outside of its table", { timeout: TIMEOUT_MS }, (_what, table, codes) => {
  const files = productFiles().filter((file) => file.path !== table);
  expect(files.length).toBeGreaterThan(40);
  expect(codes.length).toBeGreaterThan(5);
  const text = files.map((file) => file.text).join("\n");
  expect(codes.filter((code) => !text.includes(`"${code}"`))).toEqual([]);
});
