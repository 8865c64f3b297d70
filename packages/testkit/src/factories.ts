/** Records for tests: the least that is valid, with what the test is about given by it. */
import {
  DEFAULT_QUEUE,
  DEFAULT_WORKSPACE,
  DEFAULT_CATCH_UP,
  encodeId,
  ID_ENTROPY_BYTES,
  type Change,
  type Delivery,
  type JobRecord,
  type LiveJob,
  type Occurrence,
  type Result,
  type Schedule,
  type SealedSecret,
  type Webhook,
} from "@windlass/kernel";

/** Where time begins in tests: 2026-01-01T00:00:00Z. */
export const T0 = 1_767_225_600_000;

let made = 0;

/** Ids that are unique in this process and sort in the order in which they were made. */
export function nextJobId(): string {
  const entropy = new Uint8Array(ID_ENTROPY_BYTES);
  new DataView(entropy.buffer).setUint32(0, ++made);
  return encodeId("job", T0, entropy);
}

export function jobRecord(given: Partial<JobRecord> = {}): JobRecord {
  const id = given.id ?? nextJobId();
  return {
    id,
    workspace: DEFAULT_WORKSPACE,
    kind: "task",
    name: "greet",
    parentId: null,
    rootId: id,
    path: "",
    childKey: null,
    spec: { handler: "greet" },
    input: null,
    queue: DEFAULT_QUEUE,
    priority: 0,
    executor: "handler",
    fairnessKey: "",
    concurrency: null,
    idempotencyKey: null,
    requestHash: null,
    notBefore: null,
    startDeadline: null,
    deadLetter: null,
    retry: null,
    timeoutMs: null,
    labels: {},
    commit: null,
    cause: { type: "user", by: "test" },
    traceparent: null,
    createdAt: T0,
    ...given,
  };
}

/** A job that its kind decides about: an execution. */
export function compositeRecord(given: Partial<JobRecord> = {}): JobRecord {
  return jobRecord({ kind: "workflow", name: "nightly", executor: "none", spec: { workflow: "nightly" }, ...given });
}

/** A child of `parent`, one level below it. */
export function childRecord(
  parent: Pick<JobRecord, "id" | "rootId" | "path">,
  childKey: string,
  given: Partial<JobRecord> = {},
): JobRecord {
  const path = parent.path === "" ? parent.id : `${parent.path}/${parent.id}`;
  return jobRecord({
    kind: "step",
    name: childKey,
    parentId: parent.id,
    rootId: parent.rootId,
    path,
    childKey,
    cause: { type: "parent", id: parent.id },
    ...given,
  });
}

export const succeeded: Result = { outcome: "succeeded", reason: "ok", message: null };
export const failed: Result = { outcome: "failed", reason: "exit_code", message: "it ended with exit code 1", exitCode: 1 };

/** What the holder of a live attempt says of its end. */
export function settleOf(
  live: Pick<LiveJob, "id" | "attempt" | "token">,
  result: Result = succeeded,
): Extract<Change, { readonly type: "settle" }> {
  return {
    type: "settle",
    id: live.id,
    attempt: live.attempt,
    by: { type: "holder", token: live.token },
    result,
    stopped: false,
    random: 0,
  };
}

/** A decision that does nothing, to be changed by the test. */
export function advanceOf(
  live: Pick<LiveJob, "id" | "decided" | "wakes">,
  given: Partial<Extract<Change, { readonly type: "advance" }>> = {},
): Extract<Change, { readonly type: "advance" }> {
  return {
    type: "advance",
    id: live.id,
    decided: live.decided,
    seen: live.wakes,
    cursor: {},
    children: [],
    stops: [],
    waitUntil: null,
    progress: null,
    finish: null,
    ...given,
  };
}

/** As it lies in a store. */
export function sealedSecret(given: Partial<SealedSecret> = {}): SealedSecret {
  return {
    workspace: "default",
    scope: "workspace",
    name: "report-db",
    version: 1,
    keyId: "key_a",
    createdBy: "ann",
    createdAt: T0,
    changedBy: "ann",
    changedAt: T0,
    sealed: "c2VhbGVk",
    ...given,
  };
}

/** Before it is stored: a store gives the revision. */
export function webhookOf(given: Partial<Omit<Webhook, "revision">> = {}): Omit<Webhook, "revision"> {
  return {
    workspace: "default",
    name: "chat",
    url: "https://hooks.example/x",
    filter: { types: ["job.finished"], kinds: [], names: ["a"], outcomes: [], labels: { team: "core" } },
    secret: "webhook-chat",
    paused: false,
    pausedBy: null,
    pausedAt: null,
    position: "0001",
    failingSince: null,
    createdBy: "ann",
    createdAt: T0,
    ...given,
  };
}

/** The nth of the webhook that `webhookOf` gives, to be sent. */
export function deliveryOf(n: number, more: Partial<Delivery> = {}): Delivery {
  return {
    id: `msg_${n}`,
    workspace: "default",
    webhook: "chat",
    position: `000${n}`,
    jobId: "job_1",
    seq: n,
    type: "job.finished",
    body: `{"n":${n}}`,
    state: "pending",
    tries: 0,
    nextAt: T0,
    lastAt: null,
    lastStatus: null,
    lastError: null,
    tookMs: null,
    settledAt: null,
    createdAt: T0,
    ...more,
  };
}

/** Fires each minute. Before it is stored: a store gives the revision. */
export function scheduleOf(given: Partial<Omit<Schedule, "revision">> = {}): Omit<Schedule, "revision"> {
  return {
    id: "sch_1",
    workspace: DEFAULT_WORKSPACE,
    name: "nightly",
    timing: {
      cron: [],
      everyMs: 60_000,
      anchor: T0,
      timezone: "UTC",
      jitterMs: 0,
      startsAt: null,
      endsAt: null,
      exclude: [],
    },
    overlap: { policy: "forbid", limit: 1 },
    catchUp: DEFAULT_CATCH_UP,
    template: { kind: "task" },
    input: null,
    labels: {},
    paused: false,
    pausedBy: null,
    pausedAt: null,
    pausedReason: null,
    source: null,
    createdBy: "ann",
    createdAt: T0,
    changedBy: "ann",
    changedAt: T0,
    mayCommand: true,
    ...given,
  };
}

export function occurrenceRow(given: Partial<Occurrence> = {}): Occurrence {
  const nominalAt = given.nominalAt ?? T0;
  return {
    scheduleId: "sch_1",
    workspace: DEFAULT_WORKSPACE,
    nominalAt,
    lastAt: nominalAt,
    count: 1,
    origin: "schedule",
    run: "",
    dueAt: nominalAt,
    decision: "fired",
    reason: "due",
    message: null,
    jobId: null,
    behind: null,
    intoAt: null,
    decidedAt: nominalAt,
    settledAt: null,
    ...given,
  };
}
