import { eventTypes, jobStates, noticeFaults, outcomes } from "@windlass/kernel";
import { expect, test } from "vitest";
import { leavesOf } from "../program.ts";
import { complete } from "./complete.ts";
import { quietProgram } from "./program-fixture.ts";

const program = quietProgram();
const values = (...words: readonly string[]): readonly string[] => complete(program, words).candidates.map(({ value }) => value);
const live = (...words: readonly string[]): string | undefined => complete(program, words).live?.noun;

test("commands, verbs and options are completed, with what they do", () => {
  expect(values("que")).toEqual(["queues"]);
  expect(values("jobs", "")).toEqual(expect.arrayContaining(["list", "get", "submit"]));
  expect(values("jobs", "list", "--st")).toEqual(["--state"]);
  expect(values("jobs", "list", "--ser")).toEqual(["--server"]);
  expect(complete(program, ["docto"]).candidates[0]?.description).not.toBe("");
  expect(values("")).not.toContain("__complete");
});

test("values of options are completed: words of the tables, choices, lists with commas", () => {
  expect(values("jobs", "list", "--state", "")).toEqual(jobStates);
  expect(values("jobs", "list", "--outcome", "failed_o")).toEqual(outcomes.filter((outcome) => outcome.startsWith("failed_o")));
  expect(values("jobs", "list", "--state", "running,que")).toEqual(["running,queued"]);
  expect(values("roles", "create", "ci", "--permission", "jobs:read,jobs:sub")).toEqual(["jobs:read,jobs:submit"]);
  expect(values("-o", "y")).toEqual(["yaml"]);
  expect(values("jobs", "list", "--output=y")).toEqual(["--output=yaml"]);
  expect(values("webhooks", "deliveries", "chat", "--state", "")).toEqual(["pending", "delivered", "dead"]);
  expect(values("dead-letters", "list", "--source", "n")).toEqual(["notice"]);
  expect(values("dlq", "list", "--reason", "signature")).toEqual(noticeFaults.filter((fault) => fault.startsWith("signature")));
  expect(values("events", "list", "--type", "job.st")).toEqual(eventTypes.filter((type) => type.startsWith("job.st")));
  expect(values("webhooks", "create", "chat", "--type", "al")).toEqual(["all"]);
});

test("names that only a server knows are asked of the noun that is meant", () => {
  expect(live("logs", "")).toBe("jobs");
  expect(live("jobs", "get", "job_")).toBe("jobs");
  expect(live("queues", "pause", "")).toBe("queues");
  expect(live("jobs", "submit", "--queue", "")).toBe("queues");
  expect(live("token", "create", "ci", "--role", "")).toBe("roles");
  expect(live("worker", "--queue", "")).toBe("queues");
  expect(live("workflows", "get", "")).toBe("workflows");
  expect(live("tokens", "revoke", "")).toBe("tokens");
  expect(complete(program, ["run", ""])).toMatchObject({ live: { noun: "workflows" }, files: true });
  expect(complete(program, ["workflows", "diff", "a.yaml", ""])).toMatchObject({ live: { noun: "workflows" }, files: true });
  expect(live("queues", "move", "")).toBe("queues");
  expect(live("queues", "move", "mail", "")).toBe("queues");
  expect(live("dead-letters", "get", "")).toBe("dead-letters");
  expect(live("dlq", "redrive", "job_1", "")).toBe("dead-letters");
  expect(live("dead-letters", "list", "--queue", "")).toBe("queues");
  expect(live("context", "use", "")).toBe("contexts");
  expect(live("--context", "")).toBe("contexts");
  expect(live("schema", "")).toBe("schemas");
  expect(live("audit", "list", "--operation", "")).toBe("operations");
  expect(live("audit", "list", "--actor", "")).toBe("tokens");
  expect(live("webhooks", "create", "chat", "--secret", "")).toBe("secrets");
  expect(live("schedules", "next", "--timezone", "")).toBe("zones");
  expect(live("jobs", "list", "")).toBeUndefined();
  expect(live("jobs", "list", "--name", "")).toBeUndefined();
});

test("what is no name of a job is not taken for one", () => {
  expect(live("signal", "last", "")).toBeUndefined();
  expect(live("schedules", "history", "nightly", "--run", "")).toBeUndefined();
  expect(live("webhooks", "redrive", "chat", "")).toBeUndefined();
});

test("help is completed by commands, what is below them, and topics", () => {
  expect(values("help", "")).toEqual(expect.arrayContaining(["jobs", "top", "exit-codes", "environment"]));
  expect(values("help", "queues", "mo")).toEqual(["move"]);
  expect(values("help", "jobs", "exit")).toEqual([]);
  expect(values("help", "nothing", "")).toEqual([]);
});

test("behind -- everything is the user's own", () => {
  expect(complete(program, ["jobs", "submit", "--", "l"])).toEqual({ candidates: [], live: null, files: true });
});

test("no command is without an answer, at any place", () => {
  for (const command of leavesOf(program))
    for (const option of command.options)
      expect(() => complete(program, [command.parent?.name() ?? "", command.name(), option.long ?? "", ""])).not.toThrow();
});
