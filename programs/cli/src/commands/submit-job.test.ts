import { expect, test } from "vitest";
import { submissionOf } from "./submit-job.ts";

test("a command becomes a process, named after its program", () => {
  expect(submissionOf({ memory: "64Mi", timeout: 1500, label: [["a", "b=c"]], retries: 2 }, ["/usr/bin/env", "-i"], 0)).toEqual({
    executor: "process",
    name: "env",
    spec: { command: ["/usr/bin/env", "-i"], memoryLimitBytes: 64 * 1024 ** 2 },
    labels: { a: "b=c" },
    timeoutSeconds: 1.5,
    retry: { limit: 2, on: ["failed", "failed_oom", "failed_timeout", "failed_node_lost"] },
  });
});

test("with an image a command is what its container is given, and a folder is one of the container", () => {
  expect(submissionOf({ image: "docker.io/library/alpine:3", memory: "1Gi", cwd: "/srv" }, ["echo", "a"], 0)).toEqual({
    executor: "docker",
    name: "echo",
    spec: { image: "docker.io/library/alpine:3", args: ["echo", "a"], workingDir: "/srv", memoryLimitBytes: 1024 ** 3 },
  });
  expect(submissionOf({ image: "x:1", executor: "kubernetes" }, [], 0)).toMatchObject({ executor: "kubernetes" });
  expect(() => submissionOf({ executor: "kubernetes" }, ["a"], 0)).toThrow("--executor is for containers");
  expect(submissionOf({ image: "localhost/report:1" }, [], 0)).toMatchObject({ name: "report:1", spec: { image: "localhost/report:1" } });
});

test("a handler gets its input, and a delay becomes a time", () => {
  expect(submissionOf({ handler: "resize", input: { width: 2 }, delay: 1000 }, [], 0)).toEqual({
    executor: "handler",
    name: "resize",
    spec: { handler: "resize" },
    input: { width: 2 },
    notBefore: "1970-01-01T00:00:01.000Z",
  });
});

test("a concurrency key lets one job run at once unless a limit is given", () => {
  expect(submissionOf({ concurrencyKey: "deploy" }, ["a"], 0)).toMatchObject({ concurrency: { key: "deploy", limit: 1 } });
  expect(submissionOf({ concurrencyKey: "deploy", concurrencyLimit: 3 }, ["a"], 0)).toMatchObject({ concurrency: { limit: 3 } });
  expect(submissionOf({ concurrencyKey: "deploy", onConflict: "replace" }, ["a"], 0)).toMatchObject({
    concurrency: { key: "deploy", limit: 1, onConflict: "replace" },
  });
});

test.each([
  [{}, []],
  [{ concurrencyLimit: 3 }, ["a"]],
  [{ onConflict: "skip" as const }, ["a"]],
  [{ handler: "a" }, ["b"]],
  [{ handler: "a", memory: "1G" }, []],
  [{ handler: "a", image: "b" }, []],
  [{ input: 1 }, ["a"]],
  [{ memory: "lots" }, ["a"]],
  [{ delay: 1, notBefore: "2026-01-31T00:00:00.000Z" }, ["a"]],
])("%j with %j is refused as usage", (options, command) => {
  expect(() => submissionOf(options, command, 0)).toThrow(expect.objectContaining({ code: "usage" }));
});
