/** The short form of `npm run soak`: that a leak is seen, and that without one handles and threads stay as they are. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { soak } from "./soak.ts";

// Memory and files need minutes until they are filled: only the long form tells whether they stay flat.
const SHORT = { durationMs: 12_000, intervalMs: 500, store: "", postgresFolder: null };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-soak-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["streams that a client opens and never closes are seen", true],
  ["under load, handles and threads stay flat", false],
])("%s", async (_, leaks) => {
  const { verdicts, counts, faults } = await soak({ ...SHORT, folder: join(folder, "soak"), leaks });
  expect(faults).toEqual([]);
  expect(counts.finished).toBeGreaterThan(0);
  expect(counts.tailed).toBeGreaterThan(0);
  const handles = verdicts.filter(({ name }) => ["serverFiles", "serverThreads", "supervisorFiles"].includes(name));
  expect(handles.map(({ name, flat }) => [name, flat])).toEqual([
    ["serverFiles", !leaks],
    ["serverThreads", true],
    ["supervisorFiles", true],
  ]);
});
