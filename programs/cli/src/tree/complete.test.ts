import { jobStates, outcomes } from "@windlass/kernel";
import { expect, test } from "vitest";
import { plainStyle } from "../output/style.ts";
import { leavesOf, programOf } from "../program.ts";
import { complete } from "./complete.ts";

const program = programOf(
  {
    terminal: { out: () => {}, err: () => {}, live: false, columns: 80, rows: 24, style: plainStyle, errStyle: plainStyle },
    environment: {},
    typed: [],
    onInterrupt: () => () => {},
  },
  () => {},
);
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
  expect(values("jobs", "list", "--output", "=", "y")).toEqual(["--output=yaml"]);
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
  expect(live("jobs", "list", "")).toBeUndefined();
  expect(live("jobs", "list", "--name", "")).toBeUndefined();
});

test("behind -- everything is the user's own", () => {
  expect(complete(program, ["jobs", "submit", "--", "l"])).toEqual({ candidates: [], live: null, files: true });
});

test("no command is without an answer, at any place", () => {
  for (const command of leavesOf(program))
    for (const option of command.options)
      expect(() => complete(program, [command.parent?.name() ?? "", command.name(), option.long ?? "", ""])).not.toThrow();
});
