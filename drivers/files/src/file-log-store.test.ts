import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "@windlass/ports";
import { logStoreContract } from "@windlass/testkit";
import { fileLogStore } from "./file-log-store.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

logStoreContract("files", async (bytesMax) => ({
  store: fileLogStore({ folder, bytesMax, clock }),
  reopen: async () => fileLogStore({ folder, bytesMax, clock }),
  close: async () => {},
}));

const KEY = { jobId: "job_1", attempt: 1 };

test("a line of the index that is still being written is not read, and read once it is whole", async () => {
  const store = fileLogStore({ folder, bytesMax: 1000, clock });
  mkdirSync(join(folder, "logs/job_1"));
  writeFileSync(join(folder, "logs/job_1/1.stdout.log"), "one\ntwo\n");
  writeFileSync(join(folder, "logs/job_1/1.index"), "1 o 0 4;\n2 o 4 ");
  const first = await store.read(KEY, { bytesMax: 100 });
  expect(Buffer.concat(first.chunks.map((it) => it.data)).toString()).toBe("one\n");
  appendFileSync(join(folder, "logs/job_1/1.index"), "4;\n");
  const second = await store.read(KEY, { bytesMax: 100, after: first.position });
  expect(Buffer.concat(second.chunks.map((it) => it.data)).toString()).toBe("two\n");
});

test("what a killed writer left is mended before the next append: no byte is lost or doubled", async () => {
  mkdirSync(join(folder, "logs/job_1"), { recursive: true });
  writeFileSync(join(folder, "logs/job_1/1.stdout.log"), "one\ntwo\n");
  writeFileSync(join(folder, "logs/job_1/1.index"), "1 o 0 4;\n2 o 4");
  const store = fileLogStore({ folder, bytesMax: 1000, clock });
  await store.append(KEY, [{ stream: "stdout", at: 3, data: Buffer.from("three\n") }]);
  const slice = await store.read(KEY, { bytesMax: 100 });
  expect(Buffer.concat(slice.chunks.map((it) => it.data)).toString()).toBe("one\ntwo\nthree\n");
});

test("of what is told, bytes that no line names go: whoever told them tells them again", async () => {
  const key = { ...KEY, attempt: 2 };
  const told = (container: string | undefined, until: number, text: string) => ({
    stream: "stdout" as const,
    container,
    at: 1,
    data: Buffer.from(text),
    told: { until, gap: 0 },
  });
  const store = fileLogStore({ folder, bytesMax: 1000, clock });
  await store.append(key, [told(undefined, 4, "one\n"), told("init", 4, "uno\n")]);
  // Killed between the bytes and their line, once behind others and once before any.
  for (const name of ["2.stdout.log", "2.init.stdout.log"]) appendFileSync(join(folder, "logs/job_1", name), "in vain");
  writeFileSync(join(folder, "logs/job_1/3.index"), "1 o 0 0 @0+0;\n");
  writeFileSync(join(folder, "logs/job_1/3.stdout.log"), "in vain");
  const again = fileLogStore({ folder, bytesMax: 1000, clock });
  await again.append(key, [told(undefined, 8, "two\n"), told("init", 8, "due\n")]);
  await again.append({ ...KEY, attempt: 3 }, [told(undefined, 4, "new\n")]);
  const textOf = async (attempt: number, container: string) =>
    Buffer.concat((await again.read({ ...KEY, attempt }, { bytesMax: 100, container })).chunks.map((it) => it.data)).toString();
  expect([await textOf(2, "main"), await textOf(2, "init"), await textOf(3, "main")]).toEqual(["one\ntwo\n", "uno\ndue\n", "new\n"]);
  expect(readFileSync(join(folder, "logs/job_1/2.stdout.log"), "utf8")).toBe("one\ntwo\n");
});

test("the first line of what is told comes before its bytes", async () => {
  const store = fileLogStore({ folder, bytesMax: 1000, clock });
  await store.append(KEY, [{ stream: "stdout", at: 1, data: Buffer.from("one\n"), told: { until: 4, gap: 0 } }]);
  expect(readFileSync(join(folder, "logs/job_1/1.index"), "utf8")).toBe("1 o 0 0 @0+0;\n1 o 0 4 @4+0;\n");
});

test("tails are found in an index of many blocks", async () => {
  const store = fileLogStore({ folder, bytesMax: 10_000_000, clock });
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`);
  await store.append(
    KEY,
    lines.map((line, at) => ({ stream: "stdout" as const, at, data: Buffer.from(line) })),
  );
  expect(statSync(join(folder, "logs/job_1/1.index")).size).toBeGreaterThan(3 * 65_536);
  const slice = await store.read(KEY, { bytesMax: 10_000_000, tailLines: 15_000 });
  expect(Buffer.concat(slice.chunks.map((it) => it.data)).toString()).toBe(lines.slice(-15_000).join(""));
});

test("what was written since a time is found in an index of many blocks, also past torn lines", async () => {
  const store = fileLogStore({ folder, bytesMax: 10_000_000, clock });
  const lines = Array.from({ length: 12_000 }, (_, i) => `${i}\n`);
  const chunks = lines.map((line, i) => ({ stream: "stdout" as const, at: 1_000 + Math.floor(i / 7), data: Buffer.from(line) }));
  await store.append(KEY, chunks.slice(0, 6_000));
  appendFileSync(join(folder, "logs/job_1/1.index"), "12 o 9\n");
  await store.append(KEY, chunks.slice(6_000));
  for (const since of [1_000, 1_001, 1_857, 1_858, 2_714, 2_715]) {
    const slice = await store.read(KEY, { bytesMax: 10_000_000, since });
    const wanted = chunks.filter((chunk) => chunk.at >= since).map((chunk) => chunk.data);
    expect(Buffer.concat(slice.chunks.map((it) => it.data)).toString()).toBe(Buffer.concat(wanted).toString());
  }
});

test("logs are readable by their owner alone", async () => {
  const store = fileLogStore({ folder, bytesMax: 1000, clock });
  await store.append(KEY, [{ stream: "stdout", at: 1, data: Buffer.from("x") }]);
  expect(statSync(join(folder, "logs")).mode & 0o077).toBe(0);
  expect(statSync(join(folder, "logs/job_1/1.stdout.log")).mode & 0o077).toBe(0);
});
