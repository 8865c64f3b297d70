/** Reads one step. What it refers to is checked later, when all are known; its tool is read by read-tool.ts. */
import type { Json } from "@windlass/kernel";
import { Fields, present } from "./fields.ts";
import { shown, sortOf, type Finding, type Path } from "./finding.ts";
import { isReservedName, isStepName } from "./names.ts";
import { readQueue } from "./read-queue.ts";
import { readDuration, readRetry } from "./read-retry.ts";
import { readTool } from "./read-tool.ts";
import { splitTemplate, wholeOf } from "./template.ts";
import { CONTAINER_EXECUTORS, ITEMS_MAX, ROUNDS_MAX, STEP_NAME_LENGTH_MAX, TIMEOUT_SECONDS_MAX, type Step } from "./workflow.ts";

export const STEP_KEYS = {
  known: [
    "name",
    "needs",
    "when",
    "tool",
    "foreach",
    "until",
    "maxRounds",
    "pause",
    "maxParallel",
    "failFast",
    "timeoutSeconds",
    "retry",
    "continueOnFailure",
    "handles",
    "queue",
    "executor",
    "priority",
    "concurrency",
  ],
  later: ["isolation"],
};

export const STEP_CONCURRENCY_KEYS = { known: ["key", "limit"] };

export function readStep({ value, path, findings }: { value: Json; path: Path; findings: Finding[] }): Step {
  const fields = new Fields({ value, path, findings, keys: STEP_KEYS });
  const { tool, queue, timeoutSeconds } = readTool(fields, findings);
  if (queue !== undefined && fields.has("queue")) fields.fault("queue", "the queue is given in the tool as well; remove one of the two");
  if (timeoutSeconds !== undefined && fields.has("timeoutSeconds"))
    fields.fault("timeoutSeconds", "the time limit is given in the tool as well; remove one of the two");
  for (const key of ["maxParallel", "failFast"])
    if (fields.has(key) && !fields.has("foreach")) fields.fault(key, "only a step with foreach has items");
  for (const key of ["maxRounds", "pause"])
    if (fields.has(key) && !fields.has("until")) fields.fault(key, "only a step with until has rounds");
  const untried = UNTRIED[tool.kind];
  if (untried !== undefined && fields.has("retry")) fields.fault("retry", untried);
  if (fields.has("foreach") && fields.has("until"))
    fields.fault("until", "there is foreach as well; put the loop into a workflow of its own");
  return present({
    name: readName(fields),
    needs: fields.texts("needs"),
    when: readCondition(fields, "when"),
    tool,
    foreach: readForeach(fields),
    maxParallel: fields.number("maxParallel", { min: 1, max: ITEMS_MAX, whole: true }),
    failFast: fields.boolean("failFast"),
    until: readCondition(fields, "until"),
    maxRounds: fields.number("maxRounds", { min: 1, max: ROUNDS_MAX, whole: true }),
    pause: readDuration(fields, "pause"),
    timeoutSeconds: timeoutSeconds ?? fields.number("timeoutSeconds", { min: 0.001, max: TIMEOUT_SECONDS_MAX }),
    retry: readRetry(fields),
    continueOnFailure: fields.boolean("continueOnFailure"),
    handles: fields.texts("handles"),
    queue: queue ?? readQueue(fields),
    priority: fields.number("priority", { min: -1000, max: 1000, whole: true }),
    concurrency: readStepConcurrency(fields),
    executor: readExecutor(fields, tool),
  });
}

/** Why the steps of some tools are not tried again: what is said must not be passed over. */
const UNTRIED: Partial<Record<Step["tool"]["kind"], string>> = {
  wait: "a wait has no attempts that could be repeated",
  workflow: "a workflow is not repeated as a whole; give retry to the steps in it",
};

function readStepConcurrency(fields: Fields): Step["concurrency"] {
  const concurrency = fields.inner("concurrency", STEP_CONCURRENCY_KEYS);
  if (concurrency === undefined) return undefined;
  const key = concurrency.text("key");
  if (!concurrency.has("key")) concurrency.missing("key", "jobs with the same key wait for each other");
  else if (key === "") concurrency.fault("key", "a key is not empty");
  return { key: key ?? "", limit: concurrency.number("limit", { min: 1, max: 10_000, whole: true }) ?? 1 };
}

/** Only containers have a choice; what else is said is said of nothing. */
function readExecutor(fields: Fields, tool: Step["tool"]): Step["executor"] {
  const executor = fields.oneOf("executor", CONTAINER_EXECUTORS);
  if (executor !== undefined && tool.kind !== "container" && !(tool.kind === "shell" && executor === "process"))
    fields.fault("executor", `the tool ${tool.kind} has no choice of executors; only container has`);
  return tool.kind === "container" ? executor : undefined;
}

function readName(fields: Fields): string {
  const name = fields.text("name");
  if (!fields.has("name")) fields.missing("name", "a step has a name");
  if (name === undefined) return "";
  if (!isStepName(name)) {
    fields.fault(
      "name",
      `${shown(name)} is no name of a step: at most ${STEP_NAME_LENGTH_MAX} letters, digits, spaces and _ . - with a letter, digit or _ at both ends`,
    );
  } else if (isReservedName(name)) fields.fault("name", `the name ${name} means something else in expressions; choose another`);
  return name;
}

function readCondition(fields: Fields, key: "when" | "until"): string | undefined {
  const value = fields.raw(key);
  if (typeof value === "boolean") return String(value);
  const when = fields.text(key);
  if (when?.trim().startsWith("{{") === true) fields.fault(key, "a condition is a bare expression; leave the {{ }} out");
  return when;
}

function readForeach(fields: Fields): Json | undefined {
  const value = fields.raw("foreach");
  if (value === undefined) return undefined;
  if (typeof value === "string" ? isOneTemplate(value) : Array.isArray(value)) {
    if (Array.isArray(value) && value.length > ITEMS_MAX) fields.fault("foreach", `${value.length} items; ${ITEMS_MAX} are allowed`);
    return value;
  }
  fields.fault(
    "foreach",
    `expected a list, or one {{ }} that gives a list, found ${typeof value === "string" ? shown(value) : sortOf(value)}`,
  );
  return undefined;
}

/** Also true for one that is broken: what is wrong with it is said where expressions are checked. */
function isOneTemplate(text: string): boolean {
  const parts = splitTemplate(text);
  return "mistake" in parts || wholeOf(parts) !== undefined;
}
