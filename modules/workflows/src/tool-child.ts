/** Renders the tool of a step (or of one item of a loop) into the job that carries it out. Never throws: what cannot be rendered becomes a job that fails as `failed_config`. */
import type { ChildSpec } from "@windlass/engine";
import {
  EXECUTORS,
  executionQueueOf,
  HTTP_HANDLER,
  isJsonObject,
  parseBytes,
  SHELL_HANDLER,
  wholeSeconds,
  type ExecutorName,
  type Json,
  type JsonObject,
  type Reason,
} from "@windlass/kernel";
import { callChild, type Site } from "./call-child.ts";
import { baseOf, failedChild, ownChild } from "./ended-child.ts";
import { renderContainer } from "./container-child.ts";
import { httpRetryOf, httpTimeoutMs, renderHttp } from "./http-child.ts";
import { envSpecOf } from "./environment.ts";
import { onRetryOf, retryPolicyOf } from "./read-retry.ts";
import type { Evaluated } from "./expression.ts";
import { shown } from "./finding.ts";
import { stepSpecFaults, type LoopSpec } from "./step-spec.ts";
import { render, textOf, type Evaluate } from "./template.ts";
import { waitChild } from "./wait-child.ts";
import {
  CONTAINER_EXECUTORS,
  DEFAULT_CONTAINER_EXECUTOR,
  type ContainerExecutor,
  type ContainerTool,
  type HandlerTool,
  type RetrySpec,
  type ShellTool,
  type Step,
  type Tool,
} from "./workflow.ts";

/** A little under what a store takes for the specification or the input of one job. */
const PAYLOAD_LENGTH_MAX = 1_000_000;

/** Keys are rows of an index. */
const KEY_LENGTH_MAX = 500;

/** Which executors a step with this tool may come to. */
const EXECUTORS_OF: Readonly<Record<Tool["kind"], readonly ExecutorName[]>> = {
  container: [DEFAULT_CONTAINER_EXECUTOR],
  shell: ["process"],
  http: ["tool"],
  handler: ["handler"],
  wait: ["none"],
  // Its steps may be anything; where its version is known (workflow-kind.ts) they are asked instead.
  workflow: EXECUTORS,
  noop: ["none"],
};

/** A tool that there is not comes to nothing. */
export function executorsOf(tool: Json | undefined, executor?: Json): readonly ExecutorName[] {
  const kind = isJsonObject(tool) && typeof tool["kind"] === "string" ? tool["kind"] : "";
  const chosen = CONTAINER_EXECUTORS.find((one) => one === executor);
  if (kind === "container" && chosen !== undefined) return [chosen];
  return Object.hasOwn(EXECUTORS_OF, kind) ? EXECUTORS_OF[kind as Tool["kind"]] : [];
}

type Rendered = { readonly spec: JsonObject; readonly input?: Json } | { readonly reason: Reason; readonly message: string };

export interface ToolUse {
  readonly step: LoopSpec["step"];
  readonly key: string;
  readonly evaluate: Evaluate;
  readonly site: Site;
}

export function toolChild(use: ToolUse): ChildSpec {
  const { step, key, evaluate } = use;
  const child = childOf(use);
  if (step.priority === undefined && step.concurrency === undefined) return child;
  const priority = step.priority === undefined ? {} : { priority: step.priority };
  // What waits and what runs another workflow is decided about, not carried out: a key would be held by nobody who works.
  if (step.concurrency === undefined || child.executor === "none") return { ...child, ...priority };
  const rendered = render(step.concurrency.key, evaluate);
  if (!rendered.ok) return failedChild(step, key, { reason: "expression_failed", message: inField("concurrency.key", rendered) });
  const name = textOf(rendered.value);
  if (name === "" || name.length > KEY_LENGTH_MAX)
    return failedChild(step, key, {
      reason: "bad_spec",
      message: `concurrency.key: a key has 1 to ${KEY_LENGTH_MAX} characters; this one has ${name.length}`,
    });
  return { ...child, ...priority, concurrency: { key: name, limit: step.concurrency.limit } };
}

function childOf({ step, key, evaluate, site }: ToolUse): ChildSpec {
  const { tool } = step;
  switch (tool.kind) {
    case "noop":
      return ownChild(step, key, { spec: { type: "noop" } });
    case "workflow":
      return callChild({ step, tool, key, evaluate, site });
    case "wait":
      return waitChild({ step, tool, key, evaluate, timeoutMs: timeoutOf(step) });
    case "http": {
      const rendered = renderHttp(tool, evaluate);
      if ("message" in rendered) return failedChild(step, key, { reason: "expression_failed", message: rendered.message });
      const handler = step.runsIn === undefined ? "http" : HTTP_HANDLER;
      const bounded = withinBounds({ spec: { handler }, input: rendered.input });
      if ("reason" in bounded) return failedChild(step, key, bounded);
      const timeoutMs = httpTimeoutMs(step.timeoutSeconds);
      return {
        ...baseOf(queuedIn(step), key),
        spec: bounded.spec,
        input: rendered.input,
        executor: step.runsIn === undefined ? "tool" : "handler",
        retry: httpRetryOf(tool, step.retry),
        timeoutMs,
      };
    }
    case "container":
    case "shell":
    case "handler": {
      const executor = executorFor(step);
      const rendered = withinBounds(renderWork(tool, executor, evaluate));
      if ("reason" in rendered) return failedChild(step, key, rendered);
      const runsHere = tool.kind === "shell" && step.runsIn !== undefined;
      if (runsHere) return inRunner(step, key, rendered.spec);
      return {
        ...baseOf(step, key),
        spec: tool.kind === "handler" ? rendered.spec : { ...rendered.spec, ...onRetryFor(tool.kind, step.retry) },
        input: rendered.input ?? null,
        executor,
        retry: retryPolicyOf(step.retry),
        timeoutMs: timeoutOf(step),
      };
    }
  }
}

/** A command that a runner of its execution starts: a handler of that runner's, with the command as its specification. */
function inRunner(step: LoopSpec["step"], key: string, spec: JsonObject): ChildSpec {
  return {
    ...baseOf(queuedIn(step), key),
    spec: { ...spec, handler: SHELL_HANDLER },
    input: null,
    executor: "handler",
    retry: retryPolicyOf(step.retry),
    timeoutMs: timeoutOf(step),
  };
}

/** Whatever queue it names: only the runner of its execution serves it. */
function queuedIn({ queue, runsIn }: LoopSpec["step"]): Pick<Step, "queue"> {
  return runsIn === undefined ? (queue === undefined ? {} : { queue }) : { queue: executionQueueOf(runsIn) };
}

/** A process has a limit of memory only. */
function onRetryFor(kind: "shell" | "container", retry: RetrySpec | undefined): JsonObject {
  if (kind === "container" || retry?.resources === undefined) return onRetryOf(retry);
  const memory = Object.entries(retry.resources).map(
    ([outcome, { limits }]) => [outcome, { limits: { memory: limits.memory ?? 0 } }] as const,
  );
  return onRetryOf({ ...retry, resources: Object.fromEntries(memory.filter(([, { limits }]) => limits.memory !== 0)) });
}

/** Who carries out what is done outside of us. */
function executorFor({ tool, executor }: ToolUse["step"]): ExecutorName {
  if (tool.kind === "container") return executor ?? DEFAULT_CONTAINER_EXECUTOR;
  return tool.kind === "shell" ? "process" : "handler";
}

function renderWork(tool: ContainerTool | ShellTool | HandlerTool, executor: ExecutorName, evaluate: Evaluate): Rendered {
  if (tool.kind === "container") return renderContainer(tool, executor as ContainerExecutor, evaluate);
  return tool.kind === "shell" ? renderShell(tool, evaluate) : renderHandler(tool, evaluate);
}

function timeoutOf(step: Pick<Step, "timeoutSeconds">): number | null {
  return step.timeoutSeconds === undefined ? null : wholeSeconds(step.timeoutSeconds);
}

function withinBounds(rendered: Rendered): Rendered {
  if ("reason" in rendered) return rendered;
  const [fault] = stepSpecFaults(rendered.spec);
  if (fault !== undefined) return { reason: "bad_spec", message: `${fault.path.replace(/^spec\./u, "")}: ${fault.message}` };
  const length = JSON.stringify([rendered.spec, rendered.input ?? null]).length;
  if (length <= PAYLOAD_LENGTH_MAX) return rendered;
  return { reason: "bad_spec", message: `its tool and input have ${length} characters once rendered; ${PAYLOAD_LENGTH_MAX} are allowed` };
}

function renderHandler({ handler, input }: HandlerTool, evaluate: Evaluate): Rendered {
  const name = render(handler, evaluate);
  if (!name.ok) return { reason: "expression_failed", message: name.message };
  const given = render(input ?? null, evaluate);
  return given.ok ? { spec: { handler: textOf(name.value) }, input: given.value } : { reason: "expression_failed", message: given.message };
}

function renderShell({ command, script, cwd, env, output, resources }: ShellTool, evaluate: Evaluate): Rendered {
  const parts = render(
    {
      command: command ?? null,
      script: script ?? null,
      cwd: cwd ?? null,
      env: (env ?? {}) as JsonObject,
      memory: resources?.limits.memory ?? null,
    },
    evaluate,
  );
  if (!parts.ok) return { reason: "expression_failed", message: parts.message };
  const values = parts.value as { command: Json; script: Json; cwd: Json; env: JsonObject; memory: Json };
  const memory = values.memory === null ? null : parseBytes(textOf(values.memory));
  if (memory === undefined)
    return {
      reason: "bad_spec",
      message: `resources.limits.memory: expected an amount of memory such as 64Mi, found ${shown(values.memory)}`,
    };
  const environment = envSpecOf(env ?? {}, values.env);
  if ("message" in environment) return { reason: "bad_spec", message: environment.message };
  return {
    spec: {
      ...commandOf(values),
      ...(values.cwd === null ? {} : { cwd: textOf(values.cwd) }),
      ...(env === undefined ? {} : environment),
      ...(memory === null ? {} : { memoryLimitBytes: memory }),
      ...(output === undefined ? {} : { output }),
    },
  };
}

/** One template that gives a list is a program with its arguments. */
function commandOf({ command, script }: { command: Json; script: Json }): JsonObject {
  const list = Array.isArray(command) ? command : Array.isArray(script) ? script : undefined;
  return list === undefined ? { script: textOf(script) } : { command: (list as readonly Json[]).map(textOf) };
}

/** The message of an expression that could not be evaluated, with the field it stands in. */
export function inField(field: string, result: Evaluated & { ok: false }): string {
  return `${field}: ${result.message}`;
}
