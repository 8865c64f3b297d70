/** Reads one step and its tool. What a step refers to is checked later, when all are known. */
import { parseBytes, QUEUE_NAME, type Json, type JsonObject } from "@windlass/kernel";
import { Fields, present } from "./fields.ts";
import { shown, sortOf, type Finding, type Path } from "./finding.ts";
import { isReservedName, isStepName } from "./names.ts";
import { readDuration, readRetry } from "./read-retry.ts";
import { isTemplate, splitTemplate, wholeOf } from "./template.ts";
import { ITEMS_MAX, STEP_NAME_LENGTH_MAX, TIMEOUT_SECONDS_MAX, type ShellTool, type Step, type Tool } from "./workflow.ts";

export const STEP_KEYS = {
  known: [
    "name",
    "needs",
    "when",
    "tool",
    "foreach",
    "maxParallel",
    "failFast",
    "timeoutSeconds",
    "retry",
    "continueOnFailure",
    "handles",
    "queue",
  ],
  later: ["until", "maxRounds", "executor", "isolation", "concurrency", "priority"],
};
export const TOOL_KINDS = ["shell", "handler", "wait", "noop"] as const;
const LATER_TOOL_KINDS = ["container", "http", "operation", "workflow"];
/** What a tool may hold; `timeoutSeconds` may stand at the step or in its tool. */
export const TOOL_KEYS: Record<Tool["kind"], { known: readonly string[]; later?: readonly string[] }> = {
  shell: {
    known: ["kind", "command", "script", "cwd", "env", "output", "resources", "timeoutSeconds"],
    later: ["workingDir", "exclusive"],
  },
  handler: { known: ["kind", "handler", "name", "queue", "input", "timeoutSeconds"], later: ["exclusive"] },
  wait: { known: ["kind", "for"], later: ["until", "signal", "approval"] },
  noop: { known: ["kind"] },
};

export const RESOURCES_KEYS = { known: ["limits"], later: ["requests"] };
export const LIMITS_KEYS = { known: ["memory"], later: ["cpu"] };

export function readStep({ value, path, findings }: { value: Json; path: Path; findings: Finding[] }): Step {
  const fields = new Fields({ value, path, findings, keys: STEP_KEYS });
  const { tool, queue, timeoutSeconds } = readTool(fields, findings);
  if (queue !== undefined && fields.has("queue")) fields.fault("queue", "the queue is given in the tool as well; remove one of the two");
  if (timeoutSeconds !== undefined && fields.has("timeoutSeconds"))
    fields.fault("timeoutSeconds", "the time limit is given in the tool as well; remove one of the two");
  for (const key of ["maxParallel", "failFast"])
    if (fields.has(key) && !fields.has("foreach")) fields.fault(key, "only a step with foreach has items");
  return present({
    name: readName(fields),
    needs: fields.texts("needs"),
    when: readWhen(fields),
    tool,
    foreach: readForeach(fields),
    maxParallel: fields.number("maxParallel", { min: 1, max: ITEMS_MAX, whole: true }),
    failFast: fields.boolean("failFast"),
    timeoutSeconds: timeoutSeconds ?? fields.number("timeoutSeconds", { min: 0.001, max: TIMEOUT_SECONDS_MAX }),
    retry: readRetry(fields),
    continueOnFailure: fields.boolean("continueOnFailure"),
    handles: fields.texts("handles"),
    queue: queue ?? readQueue(fields),
  });
}

/** A queue's name, when one is given. */
export function readQueue(fields: Fields): string | undefined {
  const queue = fields.text("queue");
  if (queue !== undefined && !QUEUE_NAME.test(queue))
    fields.fault("queue", `${shown(queue)} is no name of a queue: lower-case letters, digits and . _ / - only`);
  return queue;
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

function readWhen(fields: Fields): string | undefined {
  const value = fields.raw("when");
  if (typeof value === "boolean") return String(value);
  const when = fields.text("when");
  if (when?.trim().startsWith("{{") === true) fields.fault("when", "a condition is a bare expression; leave the {{ }} out");
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

interface ToolFields {
  readonly tool: Tool;
  readonly queue?: string;
  readonly timeoutSeconds?: number;
}

function readTool(step: Fields, findings: Finding[]): ToolFields {
  const value = step.raw("tool");
  if (value === undefined) {
    step.missing("tool", `it says what the step does: ${TOOL_KINDS.join(", ")}`);
    return { tool: { kind: "noop" } };
  }
  const path = step.pathOf("tool");
  const kind = kindOf({ value, path, findings });
  if (kind === undefined) return { tool: { kind: "noop" } };
  const fields = new Fields({ value, path, findings, keys: TOOL_KEYS[kind] });
  const timeoutSeconds = fields.number("timeoutSeconds", { min: 0.001, max: TIMEOUT_SECONDS_MAX });
  return present({ tool: toolOf(kind, fields), queue: readQueue(fields), timeoutSeconds });
}

/** Alone, so that an unknown kind is one finding and not one for each of its keys. */
function kindOf({ value, path, findings }: { value: Json; path: Path; findings: Finding[] }): Tool["kind"] | undefined {
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  const kind = object?.["kind"];
  const alone = new Fields({
    value: object === undefined ? value : kind === undefined ? {} : { kind },
    path,
    findings,
    keys: { known: ["kind"] },
  });
  if (object !== undefined && kind === undefined) alone.missing("kind", `one of ${TOOL_KINDS.join(", ")}`);
  return alone.oneOf("kind", TOOL_KINDS, LATER_TOOL_KINDS);
}

function toolOf(kind: Tool["kind"], fields: Fields): Tool {
  switch (kind) {
    case "shell":
      return readShell(fields);
    case "handler": {
      if (fields.has("handler") && fields.has("name")) fields.fault("name", "the handler is named twice; remove one of the two");
      const handler = fields.text("handler") ?? fields.text("name");
      if (!fields.has("handler") && !fields.has("name")) fields.missing("handler", "the name under which a worker registered its code");
      else if (handler === "") fields.fault(fields.has("handler") ? "handler" : "name", "the name of a handler is not empty");
      return present({ kind, handler: handler ?? "", input: fields.raw("input") });
    }
    case "wait": {
      const value = fields.raw("for");
      if (value === undefined) fields.missing("for", "how long, for example 30s");
      const time = typeof value === "string" && isTemplate(value) ? value : readDuration(fields, "for");
      return { kind, for: time ?? 0 };
    }
    case "noop":
      return { kind };
  }
}

function readShell(fields: Fields): ShellTool {
  const script = fields.text("script") ?? (typeof fields.raw("command") === "string" ? (fields.raw("command") as string) : undefined);
  const command = typeof fields.raw("command") === "string" ? undefined : fields.texts("command");
  if (fields.has("command") && fields.has("script")) fields.fault("script", "there is a command as well; remove one of the two");
  if (!fields.has("command") && !fields.has("script"))
    fields.missing("command", "a program with its arguments as a list, or a script as text");
  if (command?.length === 0) fields.fault("command", "an empty list names no program");
  if (script?.trim() === "") fields.fault(fields.has("script") ? "script" : "command", "it is empty");
  return present({
    kind: "shell",
    command,
    script: command === undefined ? script : undefined,
    cwd: fields.text("cwd"),
    env: readEnv(fields),
    output: fields.oneOf("output", ["json"]),
    resources: readResources(fields),
  } as const);
}

/** A map, or a list of `{name, value}` as Kubernetes writes it. Values are text; whole numbers and booleans have only one spelling and are taken. */
function readEnv(fields: Fields): Readonly<Record<string, string>> | undefined {
  const value = fields.raw("env");
  if (value === undefined) return undefined;
  const env: [string, string][] = [];
  const take = (name: string, text: Json, path: Path): void => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name) || name === "__proto__")
      fields.note(path, `${shown(name)} is no name of a variable: letters, digits and _ only, not starting with a digit`);
    else if (env.some(([taken]) => taken === name)) fields.note(path, `${name} is set twice`);
    else if (typeof text === "string" || typeof text === "boolean" || (typeof text === "number" && Number.isInteger(text)))
      env.push([name, String(text)]);
    else fields.note(path, `the value of a variable is text, found ${shown(text)}; put it in quotes`);
  };
  const key = fields.pathOf("env").at(-1) ?? "env";
  if (Array.isArray(value)) {
    for (const [index, entry] of (value as readonly Json[]).entries()) {
      const findings: Finding[] = [];
      const one = new Fields({
        value: entry,
        path: [...fields.pathOf("env"), index],
        findings,
        keys: { known: ["name", "value"], later: ["valueFrom"] },
      });
      const name = one.text("name");
      if (findings.length === 0 && name === undefined) one.missing("name", "which variable is set");
      for (const finding of findings) fields.note(finding.path.slice(fields.path.length), finding.message, finding.atKey);
      if (name !== undefined) take(name, one.raw("value") ?? "", [key, index]);
    }
  } else for (const [name, text] of Object.entries(fields.object("env") ?? {})) take(name, text, [key, name]);
  return Object.fromEntries(env);
}

function readResources(fields: Fields): ShellTool["resources"] {
  const limits = fields.inner("resources", RESOURCES_KEYS)?.inner("limits", LIMITS_KEYS);
  const memory = limits?.raw("memory");
  if (limits === undefined || memory === undefined) return undefined;
  if (typeof memory === "number" || typeof memory === "string") {
    if ((typeof memory === "string" && isTemplate(memory)) || parseBytes(memory) !== undefined) return { limits: { memory } };
  }
  limits.fault("memory", `expected an amount of memory such as 64Mi or 1G, found ${shown(memory)}`);
  return undefined;
}
