import { defaultSettings, type Settings } from "@windlass/kernel";
import { expect, test } from "vitest";
import { runnerRules, spawnerLimits } from "./runner-rules.ts";

const CLUSTER = { "runner.executor": "kubernetes", "runner.image": "windlass:1", "runner.url": "http://windlass:4180" };
const settings = (given: Partial<Settings>): Settings => ({ ...defaultSettings(), ...given });
const rules = (given: Partial<Settings>, address: (() => string) | null = () => "http://127.0.0.1:4180") =>
  runnerRules(settings(given), address);
const ENV = { WORKFLOW_ID: "wfv_1", EXECUTION_ID: "job_1", WORKFLOW_INPUT: "{}" };

test("a runner with access to the database has it by reference to a Secret, and never as text", () => {
  const { env } = rules({ ...CLUSTER, "runner.access": "database", "runner.secret": "ours" }).specOf({ executor: "kubernetes", env: ENV });
  const of = (key: string) => ({ valueFrom: { secretKeyRef: { name: "ours", key } } });
  expect(env).toEqual({ ...ENV, DATABASE_URL: of("DATABASE_URL"), INTEGRATION_ENCRYPTION_KEY: of("INTEGRATION_ENCRYPTION_KEY") });
  expect(rules(CLUSTER).specOf({ executor: "kubernetes", env: ENV })["env"]).toEqual(ENV);
});

test.each<[string, Partial<Settings>]>([
  ['WINDLASS_RUNNER_EXECUTOR is "agent"; it must be one of process, docker, kubernetes', { "runner.executor": "agent" }],
  ['WINDLASS_RUNNER_ACCESS is "all"; it must be one of api, database', { "runner.access": "all" }],
  ['WINDLASS_RUNNER_ACCESS is "database", which is for runners on a cluster only', { "runner.access": "database" }],
  ["WINDLASS_RUNNER_URL is needed", { "runner.executor": "docker", "runner.image": "windlass:1" }],
  ["WINDLASS_RUNNER_IMAGE is needed", { ...CLUSTER, "runner.image": "" }],
  ["make no runner: valueFrom.secretKeyRef: expected {name, key}", { ...CLUSTER, "runner.access": "database", "runner.secret": "" }],
  ["WINDLASS_RUNNER_SESSION_SECONDS is 301; it must be 300 at the most", { "runner.sessionSeconds": 301 }],
  ["WINDLASS_SPAWNER_ATTEMPTS_MAX is 0; it must be a whole number of at least 1", { "spawner.attemptsMax": 0 }],
])("%s", (message, given) => {
  expect(() => rules(given)).toThrow(message);
});

test("what may not be had where a workflow asks for it is refused with the launch", () => {
  const spec = { image: "windlass", args: ["runner"] };
  const about = { spec, record: {} as never };
  expect(() => rules({}).launched("docker", about)).toThrow("WINDLASS_RUNNER_URL is needed");
  expect(() => rules({ ...CLUSTER, "runner.access": "database" }).launched("docker", about)).toThrow("on a cluster only");
  expect(() => rules({}, null).launched("process", about)).toThrow("takes no connections");
});

test("limits of 0 are none", () => {
  expect(spawnerLimits(settings({ "spawner.runningMax": 0, "spawner.perWorkflowMax": 2 }))).toEqual({
    runningMax: null,
    perWorkspaceMax: null,
    perWorkflowMax: 2,
  });
  expect(() => spawnerLimits(settings({ "spawner.perWorkspaceMax": 1.5 }))).toThrow("WINDLASS_SPAWNER_PER_WORKSPACE_MAX is 1.5");
});
