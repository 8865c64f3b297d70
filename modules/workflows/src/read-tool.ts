/** Reads the tool of a step: which kind it is, and what that kind may hold. */
import type { Json, JsonObject } from "@windlass/kernel";
import { Fields, present } from "./fields.ts";
import type { Finding, Path } from "./finding.ts";
import { readCall } from "./read-call.ts";
import { HTTP_KEYS, readHttp } from "./read-http.ts";
import { readQueue } from "./read-queue.ts";
import { CONTAINER_KEYS, readContainer } from "./read-container.ts";
import { readShell } from "./read-shell.ts";
import { readWait } from "./read-wait.ts";
import { TIMEOUT_SECONDS_MAX, type Tool } from "./workflow.ts";

export const TOOL_KINDS = ["container", "shell", "http", "handler", "workflow", "wait", "noop"] as const;
const LATER_TOOL_KINDS = ["operation"];
/** What a tool may hold; `timeoutSeconds` may stand at the step or in its tool. */
export const TOOL_KEYS: Record<Tool["kind"], { known: readonly string[]; later?: readonly string[] }> = {
  container: CONTAINER_KEYS,
  shell: {
    known: ["kind", "command", "script", "cwd", "env", "output", "resources", "timeoutSeconds"],
    later: ["workingDir", "exclusive"],
  },
  http: HTTP_KEYS,
  handler: { known: ["kind", "handler", "name", "queue", "input", "timeoutSeconds"], later: ["exclusive"] },
  workflow: { known: ["kind", "name", "version", "inputs", "timeoutSeconds"] },
  wait: { known: ["kind", "for", "until", "signal", "schema", "approval", "timeoutSeconds"] },
  noop: { known: ["kind"] },
};

interface ToolFields {
  readonly tool: Tool;
  readonly queue?: string;
  readonly timeoutSeconds?: number;
}

export function readTool(step: Fields, findings: Finding[]): ToolFields {
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
  return present({ tool: toolOf(kind, fields, timeoutSeconds ?? limitOf(step)), queue: readQueue(fields), timeoutSeconds });
}

/** The time limit that stands at the step. */
function limitOf(step: Fields): number | undefined {
  const value = step.raw("timeoutSeconds");
  return typeof value === "number" ? value : undefined;
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

function toolOf(kind: Tool["kind"], fields: Fields, timeoutSeconds: number | undefined): Tool {
  switch (kind) {
    case "container":
      return readContainer(fields);
    case "shell":
      return readShell(fields);
    case "handler": {
      if (fields.has("handler") && fields.has("name")) fields.fault("name", "the handler is named twice; remove one of the two");
      const handler = fields.text("handler") ?? fields.text("name");
      if (!fields.has("handler") && !fields.has("name")) fields.missing("handler", "the name under which a worker registered its code");
      else if (handler === "") fields.fault(fields.has("handler") ? "handler" : "name", "the name of a handler is not empty");
      return present({ kind, handler: handler ?? "", input: fields.raw("input") });
    }
    case "wait":
      return readWait(fields);
    case "http":
      return readHttp(fields, timeoutSeconds);
    case "workflow":
      return readCall(fields);
    case "noop":
      return { kind };
  }
}
