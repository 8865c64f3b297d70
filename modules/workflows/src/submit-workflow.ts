/** From a definition and inputs to what the engine is asked to submit as an execution. */
import {
  canonicalJson,
  NO_RETRY,
  wholeSeconds,
  WindlassError,
  type Concurrency,
  type Fault,
  type Json,
  type JsonObject,
  type RetryPolicy,
} from "@windlass/kernel";
import { isolateScheduled } from "./isolate-scheduled.ts";
import { checkDefinition } from "./parse-workflow.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { evaluateIn } from "./scope.ts";
import { render, textOf } from "./template.ts";
import { pinFaults, withPins } from "./pins.ts";
import { DEFAULT_CONTAINER_EXECUTOR, specOf, workflowOf, type ContainerExecutor, type Step, type Workflow } from "./workflow.ts";

/** Keys are rows of an index. */
const KEY_LENGTH_MAX = 500;
/** Which stored version an execution runs. */
export const VERSION_LABEL = "windlass.dev/definition";

export interface Execution {
  readonly kind: "workflow";
  readonly name: string;
  readonly spec: JsonObject;
  /** All inputs, defaults filled in. */
  readonly input: JsonObject;
  readonly executor: "none";
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly concurrency: Concurrency | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly queue?: string;
  readonly priority?: number;
}

/** A stored version of a workflow. */
export interface StoredVersion {
  readonly id: string;
  readonly version: number;
  readonly body: JsonObject;
}

export interface ExecutionRequest {
  readonly definition: JsonObject;
  /** Of the stored definition, null for one that is not stored. */
  readonly versionId: string | null;
  readonly input: Json;
  /** Every workflow that it comes to, by what steps write (pins.ts). */
  readonly pinned?: ReadonlyMap<string, StoredVersion>;
  /** Of its containers, whatever the definition says. */
  readonly executor?: ContainerExecutor;
  /** Of containers for which nobody names one. */
  readonly usualExecutor?: ContainerExecutor;
  /** True: it gets a runner of its own where its workflow leaves that open (isolate-scheduled.ts). */
  readonly isolates?: boolean;
}

/** Throws WindlassError `invalid` with every fault of the definition, of the workflows that it runs, or of the inputs. */
export function executionOf(request: ExecutionRequest): Execution {
  const { definition, versionId, input, pinned, executor, usualExecutor, isolates = false } = request;
  const parsed = checkDefinition(definition);
  if ("faults" in parsed) throw refused("the workflow cannot be run", parsed.faults);
  const carriedOut = (one: Workflow): Workflow => (executor === undefined ? withUsual(one, usualExecutor) : withExecutor(one, executor));
  const own = carriedOut(parsed.workflow);
  const workflow = isolates ? isolateScheduled(own) : own;
  const pins = Object.fromEntries(
    [...(pinned ?? [])].map(([name, { body, ...version }]) => [name, { ...version, workflow: carriedOut(workflowOf(body)) }]),
  );
  const faults = pinFaults(workflow, pins);
  if (faults.length > 0) throw refused(`${workflow.metadata.name} cannot be run`, faults);
  const resolved = resolveInputs(workflow, input);
  if ("faults" in resolved) throw refused(`the inputs of ${workflow.metadata.name} are not as they should be`, resolved.faults);
  const { metadata, timeoutSeconds, queue, priority } = workflow;
  return {
    kind: "workflow",
    name: metadata.name,
    spec: withPins(workflow, pins),
    input: resolved.inputs,
    executor: "none",
    retry: NO_RETRY,
    timeoutMs: timeoutSeconds === undefined ? null : wholeSeconds(timeoutSeconds),
    concurrency: concurrencyOf(workflow, resolved.inputs),
    labels: labelsOf(workflow, versionId),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** Asked for by whoever runs it: then its steps have no say, nor have those at its end, or the workflows that it runs. */
function withExecutor(workflow: Workflow, executor: ContainerExecutor): Workflow {
  const { steps, finally: last, ...rest } = workflow;
  const plain = (of: readonly Step[]): readonly Step[] => of.map(({ executor: _own, ...step }) => step);
  return { ...rest, executor, steps: plain(steps), ...(last === undefined ? {} : { finally: plain(last) }) };
}

function withUsual(workflow: Workflow, executor: ContainerExecutor = DEFAULT_CONTAINER_EXECUTOR): Workflow {
  return workflow.executor !== undefined || executor === DEFAULT_CONTAINER_EXECUTOR ? workflow : { ...workflow, executor };
}

/** The text whose SHA-256 is the content hash of a definition: equal for equal workflows, however their files are written. */
export function contentOf(workflow: Workflow): string {
  return canonicalJson(specOf(workflow));
}

/** Those of the file, and which stored version it is. */
export function labelsOf({ metadata }: Workflow, versionId: string | null): Readonly<Record<string, string>> {
  return { ...metadata.labels, ...(versionId === null ? {} : { [VERSION_LABEL]: versionId }) };
}

/** Throws WindlassError `invalid`. */
export function concurrencyOf(workflow: Workflow, inputs: JsonObject): Concurrency | null {
  const { concurrency, inputs: specs = {} } = workflow;
  if (concurrency === undefined) return null;
  const doubles = Object.keys(specs).filter((name) => specs[name]?.type === "number");
  const scope = { inputs, doubles, job: { id: "", name: workflow.metadata.name, attempt: 0 }, step: () => undefined };
  const key = render(concurrency.key, evaluateIn(scope));
  const path = "concurrency.key";
  if (!key.ok) throw refused("the concurrency key cannot be made", [{ path, message: key.message }]);
  const text = textOf(key.value);
  if (text === "" || text.length > KEY_LENGTH_MAX)
    throw refused("the concurrency key cannot be used", [
      { path, message: `a key has 1 to ${KEY_LENGTH_MAX} characters; this one has ${text.length}` },
    ]);
  const { limit, onConflict } = concurrency;
  return { key: text, limit, ...(onConflict === undefined ? {} : { onConflict }) };
}

function refused(what: string, faults: readonly Fault[]): WindlassError {
  return new WindlassError(
    "invalid",
    `${what}: ${faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ")}`,
    { faults },
  );
}
