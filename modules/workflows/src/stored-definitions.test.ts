import type { JsonObject } from "@windlass/kernel";
import { expect, test } from "vitest";
import { executionOf } from "./submit-workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const body = (name: string, steps: readonly JsonObject[] = []): JsonObject => ({
  apiVersion: "windlass.dev/v1",
  kind: "Workflow",
  metadata: { name },
  steps: [{ name: "nothing", tool: { kind: "noop" } }, ...steps],
});
const version = (name: string, number: number) => ({ id: `wfv_${name}`, version: number, body: body(name) });

test("an execution is made of the workflow that is stored under its name, and of those that its steps run", () => {
  const calls = ["report@3", "report", "brief@latest"].map((name, i) => ({ name: `call-${i}`, tool: { kind: "workflow", name } }));
  const pinned = new Map([
    ["report@3", version("report", 3)],
    ["report", version("report", 4)],
    ["brief", version("brief", 1)],
  ]);
  const definitions = (definition: ReturnType<typeof body>, versionId: string | null) =>
    workflowKind.definitions?.(executionOf({ definition, versionId, input: {}, pinned }));
  expect(definitions(body("day", calls), "wfv_day")).toEqual(["day", "brief", "report"]);
  expect(definitions(body("day", calls), null), "a file that is not stored").toEqual(["brief", "report"]);
  expect(definitions(body("day"), "wfv_day")).toEqual(["day"]);
  expect(definitions(body("day"), null)).toEqual([]);
});
