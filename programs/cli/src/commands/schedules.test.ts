import { expect, test } from "vitest";
import { targetAsked } from "./schedules.ts";

test("what a schedule runs is a workflow, a handler, a command or a container", () => {
  expect(targetAsked({ workflow: "report" }, [])).toEqual({ workflow: "report" });
  expect(targetAsked({ handler: "resize", queue: "images", timeout: 2_000 }, [])).toEqual({
    job: { executor: "handler", name: "resize", spec: { handler: "resize" }, queue: "images", timeoutSeconds: 2 },
  });
  expect(targetAsked({}, ["/usr/bin/find", "/tmp/old", "-delete"])).toEqual({
    job: { executor: "process", name: "find", spec: { command: ["/usr/bin/find", "/tmp/old", "-delete"] } },
  });
  expect(targetAsked({ retries: 1, retryOn: ["failed"], backoff: 5_000 }, ["sync"])).toMatchObject({
    job: { retry: { limit: 1, on: ["failed"], backoff: { initialSeconds: 5 } } },
  });
  expect(targetAsked({ image: "localhost/report:1" }, [])).toMatchObject({
    job: { executor: "docker", spec: { image: "localhost/report:1" } },
  });
});

test("what does not go together is told, and so is nothing at all", () => {
  expect(() => targetAsked({}, [])).toThrow("what does it run?");
  expect(() => targetAsked({ workflow: "report" }, ["true"])).toThrow("a command is of another job");
  expect(() => targetAsked({ workflow: "report", concurrencyKey: "k" }, [])).toThrow("--concurrency-key is of another job");
  expect(() => targetAsked({ workflow: "report", backoffMax: 1 }, [])).toThrow("--backoff-max is of another job");
  expect(() => targetAsked({ input: [["a", "b"]] }, ["true"])).toThrow("inputs are for workflows and handlers");
});
