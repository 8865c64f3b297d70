/** From what the engine knows of a job to what the API shows of it. Pure. */
import type { AttemptJson, EventJson, JobDetailJson, JobJson, StepJson } from "@windlass/contract";
import { queueOfKey, type Attempt, type Cause, type JobEvent, type JobView, type Json } from "@windlass/kernel";

export function presentJob(view: JobView): JobJson {
  const { record, live } = view;
  return {
    id: record.id,
    kind: record.kind,
    name: record.name,
    workspace: record.workspace,
    ...endOf(view),
    createdAt: isoTime(record.createdAt),
    parentId: record.parentId,
    rootId: record.rootId,
    key: record.childKey,
    queue: queueOfKey(record.queue).name,
    priority: record.priority,
    fairnessKey: record.fairnessKey === "" ? null : record.fairnessKey,
    labels: { ...record.labels },
    executor: record.executor,
    progress: live?.progress ?? view.final?.progress ?? null,
    waitingFor: live?.state === "waiting" ? (live.wait?.for ?? null) : null,
    nextAt: maybeTime(live?.dueAt ?? null),
    stopping: live?.stop !== null && live?.stop !== undefined,
    cause: presentCause(record.cause),
  };
}

export interface Around {
  readonly views: readonly JobView[];
  readonly cut: boolean;
  /** Its number in order; null: it waits for no start. */
  readonly position: number | null;
}

export function presentDetail(view: JobView, children: Around): JobDetailJson {
  const { record } = view;
  return {
    ...presentJob(view),
    input: record.input,
    spec: record.spec,
    timeoutSeconds: record.timeoutMs === null ? null : record.timeoutMs / 1000,
    awaits: awaitsOf(view),
    notBefore: maybeTime(record.notBefore),
    startDeadline: maybeTime(record.startDeadline),
    position: children.position,
    ...(record.executor === "none" ? { steps: children.views.map(presentStep), stepsCut: children.cut } : {}),
  };
}

/** Never the hash of a completion token. */
function awaitsOf({ live }: JobView): JobDetailJson["awaits"] {
  const wait = live?.state === "waiting" ? live.wait : null;
  if (wait?.for === "signal") return { signal: wait.name };
  return wait?.for === "approval" ? { by: [...wait.by], text: wait.text } : null;
}

function presentStep(view: JobView): StepJson {
  const { id, name, kind, childKey, createdAt } = view.record;
  return { name, id, key: childKey ?? name, kind, ...endOf(view), createdAt: isoTime(createdAt) };
}

export function presentAttempt(attempt: Attempt): AttemptJson {
  const { number, phase, executor, externalName, externalRef, outcome, reason, message, exitCode, signal, evidence } = attempt;
  const times = { startedAt: isoTime(attempt.startedAt), endedAt: maybeTime(attempt.endedAt) };
  return { number, phase, executor, externalName, externalRef, ...times, outcome, reason, message, exitCode, signal, evidence };
}

export function presentEvent(event: JobEvent, position?: string): EventJson {
  const { jobId, seq, type, attempt, data } = event;
  return { ...(position === undefined ? {} : { position }), jobId, seq, at: isoTime(event.at), type, attempt, data };
}

let last = { at: 0, text: new Date(0).toISOString() };

/** Many that are shown together are of the same millisecond, and it takes longer to write a time down than all the rest of a job. */
export function isoTime(at: number): string {
  if (last.at !== at) last = { at, text: new Date(at).toISOString() };
  return last.text;
}

export function maybeTime(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

interface End {
  readonly state: JobView["state"];
  readonly outcome: StepJson["outcome"];
  readonly reason: StepJson["reason"];
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly output: Json;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** How it ended, or while it lives: why it is told to end, or why it is not started yet. */
function endOf({ state, live, final }: JobView): End {
  if (final !== null) {
    const { outcome, reason, message, exitCode, output, attempts } = final;
    return {
      state,
      outcome,
      reason,
      message,
      exitCode,
      output,
      attempts,
      startedAt: maybeTime(final.startedAt),
      finishedAt: isoTime(final.finishedAt),
    };
  }
  const [reason, message] = live?.stop
    ? [live.stop.reason, live.stop.message]
    : [live?.state === "scheduled" ? live.dueReason : null, null];
  return {
    state,
    outcome: null,
    reason,
    message,
    exitCode: null,
    output: null,
    attempts: live?.attempt ?? 0,
    startedAt: maybeTime(live?.startedAt ?? null),
    finishedAt: null,
  };
}

function presentCause(cause: Cause): JobJson["cause"] {
  return cause.type === "schedule" ? { type: "schedule", id: cause.id, nominalAt: isoTime(cause.nominalAt) } : { ...cause };
}
