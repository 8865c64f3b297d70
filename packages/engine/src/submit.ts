/** From what somebody asks for to the record of a job: defaults, limits, and all faults at once. */
import {
  canonicalJsonOf,
  DEFAULT_QUEUE,
  DEFAULT_WORKSPACE,
  DEPTH_MAX,
  depthOf,
  faultOfNamedQueue,
  EXECUTORS,
  FAIRNESS_KEY_LENGTH_MAX,
  isFairnessKey,
  isLegalPriority,
  LABELS_MAX,
  PRIORITY_MAX,
  QUEUE_NAME,
  QUEUE_NAME_RULE,
  queueKeyOf,
  WindlassError,
  type Cause,
  type Concurrency,
  type ExecutorName,
  type Fault,
  type Json,
  type JobKindName,
  type JobRecord,
  type JsonObject,
  type RetryPolicy,
} from "@windlass/kernel";
import { forbiddenImages } from "./admit-image.ts";
import type { EngineContext } from "./context.ts";
import type { ChildSpec } from "./job-kind.ts";
import { isShort } from "./short-json.ts";

export interface SubmitRequest {
  readonly kind: JobKindName;
  readonly name: string;
  readonly spec: JsonObject;
  readonly input?: Json;
  readonly executor: ExecutorName;
  readonly workspace?: string;
  /** Its name within the workspace. */
  readonly queue?: string;
  readonly priority?: number;
  /** Jobs of a queue are started in turn over their keys. */
  readonly fairnessKey?: string;
  /** Whether it becomes a dead letter when it fails for good; as its queue says when left out. */
  readonly deadLetter?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly concurrency?: Concurrency | null;
  readonly idempotencyKey?: string | null;
  readonly notBefore?: number | null;
  readonly startDeadline?: number | null;
  readonly retry?: RetryPolicy | null;
  readonly timeoutMs?: number | null;
  readonly commit?: string | null;
  readonly cause?: Cause;
  /** The span that asks for it (W3C Trace Context). */
  readonly traceparent?: string | null;
  /** Makes it a child of this job; `childKey` names it among its siblings. */
  readonly parent?: JobRecord;
  readonly childKey?: string;
}

/** The largest specification and input, as JSON text: larger things belong in a file or an object store. */
export const PAYLOAD_LENGTH_MAX = 1_048_576;

/** The record to be stored. Throws `invalid` with every fault. */
export function recordOf(context: EngineContext, request: SubmitRequest): JobRecord {
  const faults = faultsOf(context, request);
  if (faults.length > 0) throw new WindlassError("invalid", `the job cannot be submitted: ${faults.map(withPlace).join("; ")}`, { faults });
  const id = context.newId("job");
  const parent = request.parent;
  const workspace = workspaceOf(request);
  const record: JobRecord = {
    id,
    workspace,
    kind: request.kind,
    name: request.name,
    parentId: parent?.id ?? null,
    rootId: parent?.rootId ?? id,
    path: parent === undefined ? "" : parent.path === "" ? parent.id : `${parent.path}/${parent.id}`,
    childKey: parent === undefined ? null : (request.childKey ?? request.name),
    spec: request.spec,
    input: request.input ?? null,
    queue: request.queue === undefined && parent !== undefined ? parent.queue : queueKeyOf(workspace, request.queue ?? DEFAULT_QUEUE),
    priority: request.priority ?? parent?.priority ?? 0,
    executor: request.executor,
    fairnessKey: request.fairnessKey ?? parent?.fairnessKey ?? "",
    concurrency: scoped(request),
    idempotencyKey: request.idempotencyKey ?? null,
    requestHash: request.idempotencyKey === undefined || request.idempotencyKey === null ? null : fingerprint(request),
    notBefore: request.notBefore ?? null,
    startDeadline: request.startDeadline ?? null,
    deadLetter: request.deadLetter ?? null,
    retry: request.retry ?? null,
    timeoutMs: request.timeoutMs ?? null,
    labels: request.labels ?? {},
    commit: request.commit ?? parent?.commit ?? null,
    cause: parent === undefined ? (request.cause ?? { type: "user", by: "unknown" }) : { type: "parent", id: parent.id },
    traceparent: parent?.traceparent ?? request.traceparent ?? null,
    createdAt: context.now(),
  };
  return record;
}

/** Those of a specification are told by what it is for, and do not say where they are. */
function withPlace({ path, message }: Fault): string {
  return message.startsWith(path) ? message : `${path}: ${message}`;
}

export function childRecordOf(context: EngineContext, parent: JobRecord, child: ChildSpec): JobRecord {
  const { key, ...rest } = child;
  return recordOf(context, { ...definedOnly(rest), parent, childKey: key });
}

/** Without the fields that are undefined, so that defaults apply to them. */
function definedOnly(child: Omit<ChildSpec, "key">): SubmitRequest {
  return Object.fromEntries(Object.entries(child).filter(([, value]) => value !== undefined)) as unknown as SubmitRequest;
}

function workspaceOf({ parent, workspace }: SubmitRequest): string {
  return parent?.workspace ?? workspace ?? DEFAULT_WORKSPACE;
}

/** Keys belong to a workspace. */
function scoped(request: SubmitRequest): Concurrency | null {
  if (request.concurrency === undefined || request.concurrency === null) return null;
  return { ...request.concurrency, key: `${workspaceOf(request)}/${request.concurrency.key}` };
}

/** What was asked, without what differs between two tries of the same request. */
function fingerprint(request: SubmitRequest): string {
  const apart = { cause: undefined, traceparent: undefined, parent: undefined, idempotencyKey: undefined };
  return canonicalJsonOf({ ...request, ...apart, parentId: request.parent?.id ?? null }) ?? "";
}

function faultsOf(context: EngineContext, request: SubmitRequest): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });
  if (request.name.trim() === "" || request.name.length > 200) fault("name", "name must have 1 to 200 characters");
  if (!(EXECUTORS as readonly string[]).includes(request.executor))
    fault("executor", `executor is "${request.executor}"; it must be one of ${EXECUTORS.join(", ")}`);
  if (request.queue !== undefined && !QUEUE_NAME.test(request.queue))
    fault("queue", `queue is "${request.queue}"; a queue's name has ${QUEUE_NAME_RULE}`);
  else if (request.queue !== undefined) {
    const { parent } = request;
    const named = faultOfNamedQueue(request.queue, parent === undefined ? [] : [parent.id, ...parent.path.split("/")]);
    if (named !== null) fault("queue", named);
  }
  if (request.priority !== undefined && !isLegalPriority(request.priority))
    fault("priority", `priority is ${request.priority}; it must be a whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}`);
  if (request.fairnessKey !== undefined && !isFairnessKey(request.fairnessKey))
    fault(
      "fairnessKey",
      `fairnessKey is ${JSON.stringify(request.fairnessKey)}; it must be a text of 1 to ${FAIRNESS_KEY_LENGTH_MAX} characters, none of them a control character`,
    );
  const labels = Object.keys(request.labels ?? {}).length;
  if (labels > LABELS_MAX) fault("labels", `labels has ${labels} entries; a job may have ${LABELS_MAX}`);
  if (request.concurrency && (!Number.isInteger(request.concurrency.limit) || request.concurrency.limit < 1))
    fault("concurrency.limit", "concurrency.limit must be a whole number of at least 1");
  if (request.timeoutMs !== undefined && request.timeoutMs !== null && !(request.timeoutMs > 0))
    fault("timeout", "a time limit must be greater than 0");
  for (const field of ["notBefore", "startDeadline", "timeoutMs"] as const) {
    const value = request[field] ?? null;
    if (value !== null && !Number.isSafeInteger(value)) fault(field, `${field} is ${value}; it must be a whole number of milliseconds`);
  }
  for (const field of ["spec", "input"] as const) {
    const value = request[field] ?? null;
    const length = isShort(value) ? 0 : JSON.stringify(value).length;
    if (length > PAYLOAD_LENGTH_MAX)
      fault(
        field,
        `${field} has ${length} characters as JSON; at most ${PAYLOAD_LENGTH_MAX} are stored with a job, larger things belong in a file or an object store`,
      );
  }
  if (request.parent !== undefined && depthOf(request.parent.path) + 1 > DEPTH_MAX)
    fault("parent", `a tree of jobs may be ${DEPTH_MAX} levels deep`);
  const kind = context.kindOf(request.kind);
  if (kind === undefined) fault("kind", `kind is "${request.kind}", which this server does not know`);
  else if (faults.length === 0) {
    faults.push(...kind.validate(request.spec, request.input ?? null));
    const { isolationRefused } = context;
    if (isolationRefused !== undefined && (kind.runner?.({ spec: request.spec, labels: request.labels ?? {} }) ?? null) !== null)
      fault("spec.isolation", `an isolated execution is refused: ${isolationRefused}`);
    // What a parent makes is looked at when it is launched.
    if (request.parent === undefined) faults.push(...forbiddenImages(context, request));
  }
  return faults;
}
