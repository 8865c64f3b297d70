/** From a verdict to what is told of it, and to whom. Pure. */
import type { JsonObject } from "@windlass/kernel";
import {
  ANNOTATIONS,
  LABELS,
  outputInFile,
  type Ended,
  type JobFact,
  type JobFacts,
  type Ongoing,
  type Verdict,
} from "@windlass/kubernetes";
import { outputOfStdout, type FoundOutput } from "@windlass/ports";
import type { Account, Addressee } from "./server-line.ts";

const MESSAGE_LENGTH_MAX = 4_000;

/** Null: its labels name nothing that the server could know. */
export function addresseeOf({ labels, annotations }: JobFact): Addressee | null {
  const [id = "", number = ""] = (annotations[ANNOTATIONS.attempt] ?? "").split("/");
  const attempt = whole(number) ?? whole(labels[LABELS.attempt]);
  const job = id === "" ? (labels[LABELS.job] ?? "") : id;
  if (job !== "" && attempt !== null) return { id: job, attempt };
  const executionId = labels[LABELS.execution] ?? "";
  const step = annotations[ANNOTATIONS.step] ?? labels[LABELS.step] ?? "";
  if (executionId === "" || step === "") return null;
  const iteration = whole(annotations[ANNOTATIONS.iteration]);
  return { executionId, step, ...(attempt === null ? {} : { attempt }), ...(iteration === null ? {} : { iteration }) };
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,7}$/u.test(text) ? Number(text) : null;
}

/** `tail`: the last that its main container printed; null: nothing was read. */
export function accountOfEnd(facts: JobFacts, verdict: Ended, tail: Tail | null): Account {
  const isPromised = verdict.outcome === "succeeded" && hasOutput(facts);
  const output = writtenOutput(facts, verdict) ?? (isPromised ? printedOutput(tail) : null);
  // A fault of the output fails only what had succeeded.
  const fault = output !== null && "fault" in output && verdict.outcome === "succeeded" ? output.fault : null;
  const reason = fault?.reason ?? verdict.reason;
  const message = fault !== null ? fault.message : isPromised && output === null ? LOST_OUTPUT : verdict.message;
  return {
    ...partsOf(facts, verdict),
    state: fault === null ? verdict.outcome : "failed",
    reason,
    ...(message === null ? {} : { message: message.slice(0, MESSAGE_LENGTH_MAX) }),
    ...(verdict.endedAt === null ? {} : { completedAt: new Date(verdict.endedAt).toISOString() }),
    ...(verdict.exitCode === null ? {} : { exitCode: verdict.exitCode }),
    ...(output !== null && "output" in output ? { output: output.output } : {}),
    evidence: {
      ...verdict.evidence,
      ...(verdict.signal === null ? {} : { signal: verdict.signal }),
      ...(tail === null || verdict.outcome === "succeeded" ? {} : { logTail: lastLines(tail) }),
    },
  };
}

export function accountOfNow(facts: JobFacts, verdict: Ongoing): Account {
  return {
    ...partsOf(facts, verdict),
    state: verdict.state,
    ...(verdict.reason === null ? {} : { reason: verdict.reason }),
    ...(verdict.message === null ? {} : { message: verdict.message.slice(0, MESSAGE_LENGTH_MAX) }),
    evidence: { containers: statesOf(facts) },
  };
}

/** Two accounts of one that goes on are the same news when this is the same. */
export function newsOf({ state, reason, message, podUid, node }: Account): string {
  return JSON.stringify([state, reason ?? null, message ?? null, podUid ?? null, node ?? null]);
}

/** The same end, in as few words as can be, for a server that does not take all of them. */
export function barest({ state, jobName, jobUid, exitCode }: Account): Account {
  return { state, jobName, jobUid, ...(exitCode === undefined ? {} : { exitCode }) };
}

export function hasOutput({ job }: JobFacts): boolean {
  return job.annotations[ANNOTATIONS.output] === "true";
}

/** Its output is promised, and is in no file: only its log can say what it is. */
export function needsLog(facts: JobFacts, { outcome }: Ended): boolean {
  return outcome === "succeeded" && hasOutput(facts) && outputInFile(facts.pods.at(-1)) === null;
}

/** What a main container printed last. */
export interface Tail {
  readonly bytes: Uint8Array;
  readonly wasCut: boolean;
  /** It was read to its end: nothing follows these bytes. */
  readonly isWhole: boolean;
}

const LOST_OUTPUT = "it promises an output as its last line, and its log could not be read to its end";

const TAIL_LINES = 20;
const TAIL_LENGTH_MAX = 4_000;

function lastLines({ bytes }: Tail): string {
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  return lines.slice(-TAIL_LENGTH_MAX);
}

/** Of a Job that we made, for others mean something else by that file. Null: nothing was written. */
function writtenOutput({ job, pods }: JobFacts, { outcome }: Ended): FoundOutput {
  return job.annotations[ANNOTATIONS.attempt] === undefined || outcome === "cancelled" ? null : outputInFile(pods.at(-1));
}

/** Null: the log was not read to its end, so that nobody knows what it is. */
function printedOutput(tail: Tail | null): FoundOutput {
  return tail === null || !tail.isWhole ? null : outputOfStdout(tail.bytes, tail.wasCut);
}

function partsOf({ job }: JobFacts, { pod }: Verdict) {
  return {
    jobName: job.name,
    jobUid: job.uid,
    ...(pod === null ? {} : { podName: pod.name, podUid: pod.uid, ...(pod.node === null ? {} : { node: pod.node }) }),
  };
}

function statesOf({ pods }: JobFacts): JsonObject[] {
  return (pods.at(-1)?.containers ?? []).map(({ name, restarts, state }) => ({
    name,
    is: state.is,
    ...(restarts === 0 ? {} : { restarts }),
    ...(state.is === "running" || state.reason === "" ? {} : { reason: state.reason }),
  }));
}
