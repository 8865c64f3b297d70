/** One file with everything that people write first: containers, secrets, conditions, calls, clean-up. It works as it is written. */
import { expect, test } from "vitest";
import { camelCaseOf } from "@windlass/contract";
import type { Outcome } from "@windlass/kernel";
import { play, type Played } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import type { Workflow } from "./workflow.ts";

const FILE = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly-report, labels: {team: data}}
inputs:
  day: {type: string, default: "2026-01-31"}
  auth_alias: {type: string, default: report-db}
timeout_seconds: 7200
isolation: shared
executor: kubernetes
concurrency: {key: "{{ day }}", limit: 1, on_conflict: queue}
steps:
  - name: extract
    tool:
      kind: container
      image: gcr.io/my-project/long-running:v1.2.3
      command: ["./run.sh"]
      args: ["--input", "{{ inputs.day }}"]
      env:
        - name: API_KEY
          valueFrom: "{{ auth_alias }}"
        - {name: MODE, value: batch}
      resources:
        requests: {cpu: 500m, memory: 1Gi}
        limits: {cpu: 2, memory: 4Gi}
      timeout_seconds: 3600
      service_account: container-job
  - name: bigger
    needs: [extract]
    when: extract.outcome == 'failed_oom'
    tool: {kind: container, image: "gcr.io/my-project/long-running:v1.2.3", resources: {limits: {memory: 16Gi}}}
  - name: publish
    needs: [extract]
    tool: {kind: http, method: POST, url: "https://example.org/publish", auth: hook, json: {rows: "{{ extract.output.rows }}"}}
  - name: alert
    needs: [extract, bigger]
    when: failed(extract) && !succeeded(bigger)
    handles: []
    tool: {kind: http, url: "https://example.org/alert"}
finally:
  - {name: clean, tool: {kind: shell, command: rm -rf /scratch/x}, timeout_seconds: 60}
output: {rows: "{{ extract.output.rows }}"}
`;

function read(text: string): Workflow {
  const parsed = parseWorkflow(text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

function run(extract: Outcome): Played {
  return play({
    workflow: read(FILE),
    input: { day: "2026-02-01", auth_alias: "other-db" },
    endOf: ({ key }) => (key === "extract" ? { outcome: extract, reason: "exit_code", output: { rows: 3 } } : {}),
  });
}

const outcomesOf = ({ steps }: Played): object => Object.fromEntries([...steps].map(([name, { outcome }]) => [name, outcome]));

test("a container gets its arguments, its secret by alias, its resources and its place", () => {
  const [extract] = run("succeeded").leaves;
  expect(extract).toMatchObject({
    key: "extract",
    executor: "kubernetes",
    timeoutMs: 3_600_000,
    spec: {
      image: "gcr.io/my-project/long-running:v1.2.3",
      args: ["--input", "2026-02-01"],
      env: { API_KEY: { valueFrom: "other-db" }, MODE: "batch" },
      memoryLimitBytes: 4 * 1024 ** 3,
      cpuLimit: 2,
    },
  });
});

test("what follows depends on how it ended, and the clean-up always runs", () => {
  const good = run("succeeded");
  expect(outcomesOf(good)).toMatchObject({ bigger: "skipped", publish: "succeeded", alert: "skipped", "#finally": "succeeded" });
  expect(good.result).toMatchObject({ outcome: "succeeded", output: { rows: 3 } });
  expect(good.leaves.find(({ key }) => key === "publish")).toMatchObject({
    executor: "tool",
    input: { method: "POST", auth: "hook", body: '{"rows":3}' },
  });
  const oom = run("failed_oom");
  expect(outcomesOf(oom)).toMatchObject({ bigger: "succeeded", publish: "skipped", alert: "skipped", "#finally": "succeeded" });
  expect(oom.result.outcome).toBe("succeeded");
  const bad = run("failed");
  expect(outcomesOf(bad)).toMatchObject({ bigger: "skipped", alert: "succeeded", "#finally": "succeeded" });
  expect(bad.result).toMatchObject({ outcome: "failed", reason: "step_failed" });
});

test("it means the same in camelCase", () => {
  const camel = FILE.replaceAll(/\b(timeout_seconds|on_conflict|service_account)\b/gu, (key) => camelCaseOf(key));
  expect(camel).not.toBe(FILE);
  expect(read(camel)).toEqual(read(FILE));
});
