/**
 * What a workflow is once its file has been read: plain JSON, stored as the specification of its executions.
 * Reading it again gives the same (parse-workflow.test.ts), so a stored definition can be checked like a file.
 * Texts may hold `{{ }}` templates (template.ts); they stay texts until a step starts.
 */
import type { Json, JsonObject, OnConflict, Outcome } from "@windlass/kernel";

/** A file larger than this was made by a program that should split it: 10,000 small steps fit in. */
export const FILE_LENGTH_MAX = 1_048_576;
/** The most steps: a decision that starts them all is still one commit of some megabytes. */
export const STEPS_MAX = 10_000;
/** The most items of one loop: the same bound, for the same reason. */
export const ITEMS_MAX = 10_000;
/** How many items of a loop run at once where nothing else is said. */
export const DEFAULT_MAX_PARALLEL = 10;
/** How often a step is run until its condition holds, where nothing is said and at most. */
export const DEFAULT_MAX_ROUNDS = 100;
export const ROUNDS_MAX = 10_000;
/** The most inputs: more are better given as one object. */
export const INPUTS_MAX = 200;
/** Names of steps become parts of child keys and log lines. */
export const STEP_NAME_LENGTH_MAX = 100;
/** A year: a wait beyond it is a mistake or a schedule. */
export const WAIT_MS_MAX = 366 * 86_400_000;
/** Names of signals are parts of what an execution remembers. */
export const SIGNAL_NAME_LENGTH_MAX = 200;
/** People who are asked for one approval: more are a role, which a permission says better. */
export const APPROVERS_MAX = 50;
/** How long a call of the tool `http` may take, where nothing is said and at most: it holds a slot of the server. */
export const HTTP_TIMEOUT_SECONDS = 30;
export const HTTP_TIMEOUT_SECONDS_MAX = 300;
/** How long a step of `finally` may take where it says nothing, and all of them together: a cancel waits for them. */
export const FINALLY_STEP_SECONDS = 300;
export const FINALLY_SECONDS_MAX = 3_600;
/** The longest `timeout_seconds`: a year. */
export const TIMEOUT_SECONDS_MAX = 366 * 86_400;

export const INPUT_TYPES = ["string", "integer", "number", "boolean", "array", "object"] as const;
export type InputType = (typeof INPUT_TYPES)[number];

export interface InputSpec {
  readonly type: InputType;
  readonly description?: string;
  /** With a default an input need not be given. */
  readonly default?: Json;
  /** False: null when it is not given. True when left out and there is no default. */
  readonly required?: boolean;
  /** The only values allowed. */
  readonly enum?: readonly Json[];
}

/** Limits of what runs programs. */
export interface RetryLimits {
  readonly limits: { readonly memory?: string | number; readonly cpu?: string | number };
}

export interface RetrySpec {
  readonly limit: number;
  readonly on?: readonly Outcome[];
  /** By outcome: what an attempt may use once one before has ended so. */
  readonly resources?: Readonly<Partial<Record<Outcome, RetryLimits>>>;
  readonly backoff?: {
    readonly initial?: string | number;
    readonly factor?: number;
    readonly max?: string | number;
    readonly jitter?: number;
  };
}

/** Variables by name: texts, and those that are given a secret, whose alias may be a template. */
export type Env = Readonly<Record<string, string | { readonly valueFrom: string | JsonObject }>>;

export interface ShellTool {
  readonly kind: "shell";
  /** A program and its arguments, or one template that gives them. Exactly one of `command` and `script` is there. */
  readonly command?: readonly string[];
  readonly script?: string;
  readonly cwd?: string;
  readonly env?: Env;
  /** `json`: the last line of its standard output is its output. */
  readonly output?: "json";
  readonly resources?: { readonly limits: { readonly memory: string | number } };
}

export interface HandlerTool {
  readonly kind: "handler";
  readonly handler: string;
  readonly input?: Json;
}

/** Exactly one of `for`, `until`, `signal` and `approval` is there. */
export interface WaitTool {
  readonly kind: "wait";
  readonly for?: string | number;
  /** A time with its zone (RFC 3339), or a template that gives one. */
  readonly until?: string;
  readonly signal?: string;
  /** Of what the signal brings, as JSON Schema. */
  readonly schema?: JsonObject;
  readonly approval?: { readonly by?: readonly string[]; readonly text?: string };
}

export interface CallTool {
  readonly kind: "workflow";
  /** Of a stored one, with its version: `report@3`; without one it is the newest when the execution is submitted. */
  readonly name: string;
  readonly inputs?: Json;
}

/** Who can carry a container out. `process` runs its command on the host, without the image. */
export const CONTAINER_EXECUTORS = ["docker", "kubernetes", "process"] as const;
export type ContainerExecutor = (typeof CONTAINER_EXECUTORS)[number];

/** Where neither the step nor the workflow says. */
export const DEFAULT_CONTAINER_EXECUTOR = "docker" satisfies ContainerExecutor;

/** As written: `500m`, 2, `1Gi`. */
export interface Amounts {
  readonly cpu?: string | number;
  readonly memory?: string | number;
}

export interface ContainerVolumeSpec {
  readonly mountPath: string;
  readonly readOnly?: boolean;
  /** Exactly one of these is there. */
  readonly hostPath?: string;
  readonly volume?: string;
  readonly emptyDir?: { readonly sizeLimit?: string | number };
  readonly configMap?: string;
  readonly secret?: string;
  readonly claim?: string;
}

/** Keys that mean something to a cluster alone (read-container.ts) are there as they were written. */
export interface ContainerTool {
  readonly kind: "container";
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Env;
  readonly workingDir?: string;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly output?: "json";
  readonly resources?: { readonly requests?: Amounts; readonly limits?: Amounts };
  readonly volumes?: readonly ContainerVolumeSpec[];
}

export interface HttpTool {
  readonly kind: "http";
  /** GET, or POST where there is something to send. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent, as JSON; or `body`, as it is. */
  readonly json?: Json;
  readonly body?: string;
  /** The alias of a secret: its value is the token of the call. */
  readonly auth?: string;
  /** Statuses that are good; 200 to 299 when left out. */
  readonly expectedStatus?: readonly number[];
  /** Statuses that are tried again. */
  readonly retryStatus?: readonly number[];
  readonly responseBytesMax?: number;
}

export type Tool = HttpTool | CallTool | ContainerTool | ShellTool | HandlerTool | WaitTool | { readonly kind: "noop" };

export interface Step {
  readonly name: string;
  readonly needs?: readonly string[];
  /** A bare expression; without it a step runs when all it needs succeeded. */
  readonly when?: string;
  readonly tool: Tool;
  /** One template that gives a list, or the list. */
  readonly foreach?: Json;
  readonly maxParallel?: number;
  readonly failFast?: boolean;
  /** A bare expression: it is run again until this holds. */
  readonly until?: string;
  readonly maxRounds?: number;
  /** Between two rounds. */
  readonly pause?: string | number;
  readonly timeoutSeconds?: number;
  readonly retry?: RetrySpec;
  readonly continueOnFailure?: boolean;
  /** Which failed steps its success makes good; those that `when` names when left out. */
  readonly handles?: readonly string[];
  readonly queue?: string;
  readonly priority?: number;
  /** Jobs of this step with the same key wait for each other; the key may hold `{{ }}`. */
  readonly concurrency?: { readonly key: string; readonly limit: number };
  /** Of a container; the workflow's own when left out. */
  readonly executor?: ContainerExecutor;
}

/** Where the steps run that workers and servers would carry out themselves: `job` runs them in a runner of the execution's own. */
export const ISOLATIONS = ["shared", "job"] as const;

export interface Workflow {
  readonly apiVersion: "windlass.dev/v1";
  readonly kind: "Workflow";
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly inputs?: Readonly<Record<string, InputSpec>>;
  readonly timeoutSeconds?: number;
  readonly concurrency?: { readonly key: string; readonly limit: number; readonly onConflict?: OnConflict };
  readonly retry?: RetrySpec;
  readonly queue?: string;
  readonly priority?: number;
  /** Of its containers; `docker` when left out. */
  readonly executor?: ContainerExecutor;
  /** `shared` when left out; `job` where a schedule runs it and runners are containers (isolate-scheduled.ts). */
  readonly isolation?: (typeof ISOLATIONS)[number];
  readonly steps: readonly Step[];
  /** Run at the end, however it ends. */
  readonly finally?: readonly Step[];
  readonly output?: Json;
}

/** Every step of a file. */
export function stepsOf({ steps, finally: last = [] }: Workflow): readonly Step[] {
  return last.length === 0 ? steps : [...steps, ...last];
}

export interface PlacedStep {
  readonly step: Step;
  /** In the file. */
  readonly path: readonly (string | number)[];
}

export function placedSteps({ steps, finally: last = [] }: Workflow): readonly PlacedStep[] {
  const placed = (list: readonly Step[], key: string): PlacedStep[] => list.map((step, index) => ({ step, path: [key, index] }));
  return [...placed(steps, "steps"), ...placed(last, "finally")];
}

/** A workflow is JSON by its very shape; TypeScript cannot see that of interfaces. */
export function specOf(workflow: Workflow): JsonObject {
  return workflow as unknown as JsonObject;
}

/** Of a specification that has been validated. */
export function workflowOf(spec: JsonObject): Workflow {
  return spec as unknown as Workflow;
}

/** A limit of its own processes, which a runner shares among its steps. */
export function hasOwnLimits({ tool, retry }: Step): boolean {
  return tool.kind === "shell" && (tool.resources !== undefined || retry?.resources !== undefined);
}
