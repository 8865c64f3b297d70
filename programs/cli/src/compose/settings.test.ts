import { defaultSettings } from "@windlass/kernel";
import { expect, test } from "vitest";
import { settingsFrom } from "./settings.ts";

test("defaults, then the environment, then what is given", () => {
  expect(settingsFrom({})).toEqual(defaultSettings());
  const environment = { WINDLASS_SERVER_PORT: "5000", WINDLASS_SERVER_HOST: "::1", WINDLASS_RETENTION_DAYS: "" };
  expect(settingsFrom(environment)).toMatchObject({
    "server.port": 5000,
    "server.host": "::1",
    "retention.days": defaultSettings()["retention.days"],
  });
  expect(settingsFrom(environment, { "server.port": 0 })["server.port"]).toBe(0);
});

test("every variable that cannot be read is told at once", () => {
  const read = (): unknown => settingsFrom({ WINDLASS_SERVER_PORT: "http", WINDLASS_DRAIN_SECONDS: "-1" });
  expect(read).toThrow(
    expect.objectContaining({
      code: "invalid",
      faults: [
        { path: "WINDLASS_SERVER_PORT", message: expect.stringContaining('"http"') },
        { path: "WINDLASS_DRAIN_SECONDS", message: expect.any(String) },
      ],
    }),
  );
});
