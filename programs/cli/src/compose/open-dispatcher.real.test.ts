import { tmpdir } from "node:os";
import { quietLogger, testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../machine/system-clock.ts";
import { openDispatcher } from "./open-dispatcher.ts";
import { settingsFrom } from "./settings.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("a dispatcher", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("learns the time of its database again when the clock of its host is set while it runs", async () => {
    const settings = settingsFrom({}, { "store.url": await postgres.schema() });
    const opened = await openDispatcher({ data: tmpdir(), settings, environment: {}, logger: quietLogger() });
    await opened.beside.start();
    const now = systemClock.now.bind(systemClock);
    const hours = 10_800_000;
    const clock = vi.spyOn(systemClock, "now").mockImplementation(() => now() + hours);
    try {
      const { context } = opened.evaluating;
      expect(context.now()).toBeGreaterThan(now() + hours / 2);
      await vi.waitUntil(() => context.now() < now() + hours / 2, { timeout: 30_000 });
    } finally {
      clock.mockRestore();
      await opened.beside.stop();
      await opened.close();
    }
  });
});
