import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Call } from "../tree/call.ts";
import { runWorker, type WorkerCommandOptions } from "./worker.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-worker-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const callOf = () =>
  ({
    options: { data: folder, handlers: join(folder, "none.ts") },
    environment: { XDG_CONFIG_HOME: folder },
  }) as unknown as Call<WorkerCommandOptions>;

test("a data folder that cannot be read is told at once, and one whose server does not run yet is none of these", async () => {
  await expect(runWorker(callOf())).rejects.toMatchObject({ code: "usage", message: expect.stringContaining("there is no file") });
  mkdirSync(join(folder, "token"));
  await expect(runWorker(callOf())).rejects.toMatchObject({ code: "data_folder_unusable" });
});
