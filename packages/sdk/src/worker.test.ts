import { expect, test } from "vitest";
import { worker, type WorkerOptions } from "./worker.ts";

const handlersOf = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`.padEnd(length, "-"), () => null]));
const queuesOf = (count: number) => Array.from({ length: count }, (_, n) => `q${n}`);

test.each<readonly [string, Partial<WorkerOptions>, RegExp]>([
  ["no handler", { handlers: {} }, /^handlers has 0 entries; it must have 1 to 200$/u],
  ["too many handlers", { handlers: handlersOf(201, 5) }, /^handlers has 201 entries; it must have 1 to 200$/u],
  ["too many queues", { queue: queuesOf(33) }, /^a worker serves 1 to 32 queues, not 33$/u],
  ["too long a name", { handlers: handlersOf(1, 257) }, /^handlers\.n0-{38}… has a name of 257 characters; it must have at most 256$/u],
  [
    "too much of names over all queues",
    { handlers: handlersOf(200, 256), queue: queuesOf(3) },
    /^handlers is too long: .* 200 handlers have 51200 characters, in 3 queues 153600; at most 131072 are kept for a worker/u,
  ],
])("%s is refused before it connects", (_, options, expected) => {
  expect(() => worker({ url: "http://127.0.0.1:1", handlers: handlersOf(1, 5), ...options })).toThrow(expected);
});

test.each<readonly [number, number, number]>([
  [200, 256, 2],
  [200, 20, 32],
])("%d handlers with names of %d characters in %d queues are let through", (handlers, length, queues) => {
  expect(worker({ url: "http://127.0.0.1:1", handlers: handlersOf(handlers, length), queue: queuesOf(queues) }).state).toBe("stopped");
});
