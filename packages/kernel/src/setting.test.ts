import { expect, test } from "vitest";
import { isLegalPriority, QUEUE_NAME } from "./queue.ts";
import { defaultSettings, environmentVariableOf, settingNames, SETTINGS } from "./setting.ts";

test("each setting has an environment variable of its own", () => {
  const variables = settingNames.map(environmentVariableOf);
  expect(new Set(variables).size).toBe(settingNames.length);
  for (const variable of variables) expect(variable).toMatch(/^WINDLASS_[A-Z0-9]+(_[A-Z0-9]+)*$/u);
  expect(environmentVariableOf("process.runningMax")).toBe("WINDLASS_PROCESS_RUNNING_MAX");
  expect(environmentVariableOf("session.ttlSeconds")).toBe("WINDLASS_SESSION_TTL_SECONDS");
});

test("the defaults are those of the table, each time anew", () => {
  const settings = defaultSettings();
  for (const name of settingNames) expect(settings[name]).toBe(SETTINGS[name].default);
  expect(defaultSettings()).not.toBe(settings);
});

test("queues are named in lower case, within 128 characters", () => {
  for (const name of ["a", "default", "mail/eu-1", "x.y_z", "a".repeat(128)]) expect(QUEUE_NAME.test(name), name).toBe(true);
  for (const name of ["", "A", "-a", "a-", "a b", "a\n", "ü", "a".repeat(129)]) expect(QUEUE_NAME.test(name), name).toBe(false);
});

test("priorities are whole numbers from -1000 to 1000", () => {
  expect([0, -1000, 1000, 7].every(isLegalPriority)).toBe(true);
  expect([1001, -1001, 0.5, Number.NaN].some(isLegalPriority)).toBe(false);
});
