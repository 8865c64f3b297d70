/** From plain data to a workflow, or to everything that is wrong with it. Pure; knows nothing of YAML. */
import { LABELS_MAX, ON_CONFLICT, type Json } from "@windlass/kernel";
import { checkExpressions } from "./check-workflow.ts";
import { Fields, present } from "./fields.ts";
import { shown, sortOf, type Finding } from "./finding.ts";
import { finallyFaults, readFinally } from "./read-finally.ts";
import { findGraphFaults, type StepPath } from "./graph.ts";
import { readInputs } from "./read-inputs.ts";
import { readRetry } from "./read-retry.ts";
import { readQueue } from "./read-queue.ts";
import { readStep } from "./read-step.ts";
import {
  CONTAINER_EXECUTORS,
  hasOwnLimits,
  ISOLATIONS,
  STEPS_MAX,
  TIMEOUT_SECONDS_MAX,
  placedSteps,
  type Step,
  type Workflow,
} from "./workflow.ts";

export const API_VERSION = "windlass.dev/v1";
export const WORKFLOW_KEYS = {
  known: [
    "apiVersion",
    "kind",
    "metadata",
    "inputs",
    "timeoutSeconds",
    "concurrency",
    "retry",
    "queue",
    "priority",
    "executor",
    "isolation",
    // Read by the module of schedules.
    "schedules",
    "steps",
    "finally",
    "output",
  ],
  later: ["images"],
};
export const METADATA_KEYS = { known: ["name", "labels"] };
export const CONCURRENCY_KEYS = { known: ["key", "limit", "onConflict"] };
/** A workflow's name is part of addresses and of names of jobs outside. */
export const WORKFLOW_NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/u;
/** One fewer than a job may have: an execution has the stored version that it runs as another. */
export const WORKFLOW_LABELS_MAX = LABELS_MAX - 1;
const LABEL_LENGTH_MAX = 253;

export interface ReadResult {
  /** Null when there are findings. */
  readonly workflow: Workflow | null;
  readonly findings: readonly Finding[];
}

export function readWorkflow(data: Json): ReadResult {
  const findings: Finding[] = [];
  const fields = new Fields({ value: data, path: [], findings, keys: WORKFLOW_KEYS });
  if (findings.some(({ path }) => path.length === 0)) return { workflow: null, findings };
  readHeader(fields);
  const workflow: Workflow = present({
    apiVersion: API_VERSION,
    kind: "Workflow",
    metadata: readMetadata(fields),
    inputs: readInputs(fields, findings),
    timeoutSeconds: fields.number("timeoutSeconds", { min: 1, max: TIMEOUT_SECONDS_MAX }),
    concurrency: readConcurrency(fields),
    retry: readRetry(fields),
    queue: readQueue(fields),
    priority: fields.number("priority", { min: -1000, max: 1000, whole: true }),
    executor: fields.oneOf("executor", CONTAINER_EXECUTORS),
    isolation: fields.oneOf("isolation", ISOLATIONS),
    steps: readSteps(fields, findings),
    finally: readFinally(fields, findings),
    output: fields.raw("output"),
  } as const);
  if (workflow.isolation === "job") noteUnkept(workflow, fields);
  const graph = [...findGraphFaults(workflow.steps, stepPath(fields, "steps")), ...finallyFaults(workflow, stepPath(fields, "finally"))];
  findings.push(...graph);
  checkExpressions({ workflow, data, findings, graphIsSound: graph.length === 0 });
  return { workflow: findings.length === 0 ? workflow : null, findings };
}

/** What a runner cannot keep is not passed over: one container has one limit, that of its pod. */
function noteUnkept(workflow: Workflow, fields: Fields): void {
  for (const { step, path } of placedSteps(workflow))
    if (hasOwnLimits(step))
      fields.note([...path], `${step.name} has limits of its own, which steps of a runner share: leave resources out, or use a container`);
}

function readHeader(fields: Fields): void {
  for (const [key, expected] of [
    ["apiVersion", API_VERSION],
    ["kind", "Workflow"],
  ] as const) {
    const value = fields.raw(key);
    if (value === undefined) fields.missing(key, `write ${expected}`);
    else if (value !== expected) fields.fault(key, `expected ${expected}, found ${shown(value)}`);
  }
}

function readMetadata(fields: Fields): Workflow["metadata"] {
  const metadata = fields.inner("metadata", METADATA_KEYS);
  if (metadata === undefined) {
    fields.missing("metadata", "it holds at least the workflow's name");
    return { name: "" };
  }
  const name = metadata.text("name");
  if (!metadata.has("name")) metadata.missing("name", "a workflow has a name");
  else if (name !== undefined && !WORKFLOW_NAME.test(name)) {
    metadata.fault(
      "name",
      `${shown(name)} is no name of a workflow: at most 63 lower-case letters, digits and . _ - with a letter or digit at both ends`,
    );
  }
  return present({ name: name ?? "", labels: readLabels(metadata) });
}

function readLabels(metadata: Fields): Readonly<Record<string, string>> | undefined {
  const labels = metadata.object("labels");
  if (labels === undefined) return undefined;
  const entries = Object.entries(labels);
  if (entries.length > WORKFLOW_LABELS_MAX) metadata.fault("labels", `${entries.length} labels; ${WORKFLOW_LABELS_MAX} are allowed`);
  for (const [key, value] of entries) {
    if (typeof value !== "string") metadata.note(["labels", key], `a label is text, found ${shown(value)}; put it in quotes`);
    else if (key.length > LABEL_LENGTH_MAX || value.length > LABEL_LENGTH_MAX)
      metadata.note(["labels", key], `a label has at most ${LABEL_LENGTH_MAX} characters`);
  }
  return labels as Readonly<Record<string, string>>;
}

function readConcurrency(fields: Fields): Workflow["concurrency"] {
  const concurrency = fields.inner("concurrency", CONCURRENCY_KEYS);
  if (concurrency === undefined) return undefined;
  const key = concurrency.text("key");
  if (!concurrency.has("key")) concurrency.missing("key", "executions with the same key wait for each other");
  else if (key === "") concurrency.fault("key", "a key is not empty");
  const limit = concurrency.number("limit", { min: 1, max: 10_000, whole: true }) ?? 1;
  const onConflict = concurrency.oneOf("onConflict", ON_CONFLICT);
  return present({ key: key ?? "", limit, onConflict });
}

function readSteps(fields: Fields, findings: Finding[]): readonly Step[] {
  const list = fields.raw("steps");
  if (!Array.isArray(list) || list.length === 0) {
    if (list === undefined) fields.missing("steps", "a workflow has at least one step");
    else fields.fault("steps", `expected a list of at least one step, found ${Array.isArray(list) ? "an empty list" : sortOf(list)}`);
    return [];
  }
  if (list.length > STEPS_MAX) {
    fields.fault("steps", `${list.length} steps; ${STEPS_MAX} are allowed`);
    return [];
  }
  return list.map((value: Json, index) => readStep({ value, path: [...fields.pathOf("steps"), index], findings }));
}

function stepPath(fields: Fields, key: "steps" | "finally"): StepPath {
  return (index, ...more) => [...fields.pathOf(key), index, ...more];
}
