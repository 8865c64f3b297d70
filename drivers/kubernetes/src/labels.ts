/**
 * All names of labels and annotations that we write or read on a cluster: the executor writes them, whoever watches the
 * cluster finds Jobs by them. A label's value is short and of few characters, so what people name is encoded. Pure.
 */
import { createHash } from "node:crypto";

export const MANAGED_BY = "windlass";
/** Of all names that are ours alone. */
export const OUR_PREFIX = "windlass.dev/";

/** On each Job and its pods. */
export const LABELS = {
  managedBy: "app.kubernetes.io/managed-by",
  /** The installation that made it (`kubernetes.place`): several may share a cluster. */
  place: "windlass.dev/place",
  job: "windlass.dev/job-id",
  attempt: "windlass.dev/attempt",
  kind: "windlass.dev/kind",
  /** The execution that it is a step of; of what is a step of none, the job itself. */
  execution: "windlass.dev/execution-id",
  /** `labelSafe` of the step's name. */
  step: "windlass.dev/step-name",
  /** `true`: its end is stored, and nobody asks for it any more. It is kept for people until its time is over. */
  settled: "windlass.dev/settled",
} as const;

export const ANNOTATIONS = {
  /** `JOB/ATTEMPT`: what an object of the same name must say to be adopted. */
  attempt: "windlass.dev/attempt-of",
  /** The step's name as it is written in the file. */
  step: "windlass.dev/step-name",
  /** The round or item of a loop, where there is one. */
  iteration: "windlass.dev/iteration",
  /** `true`: it may run from now on, as far as we are concerned; Kueue may still hold it. */
  begun: "windlass.dev/begun",
  /** Why we end it (`StopFor`), written before the delete: whoever watches cannot know it otherwise. */
  stopFor: "windlass.dev/stop-for",
  /** `true`: an output is promised in the container's termination message. */
  output: "windlass.dev/output",
} as const;

/** Selects what carries our labels, whichever installation made it. */
export const OUR_SELECTOR: string = `${LABELS.managedBy}=${MANAGED_BY}`;

const LABEL_LENGTH_MAX = 63;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$/u;
/** So much of the name is left before its hash. */
const READABLE_LENGTH = 50;
const HASH_LENGTH = 10;

export function isLabelValue(text: string): boolean {
  return text.length <= LABEL_LENGTH_MAX && LABEL_VALUE.test(text);
}

/**
 * A value for a label that stands for any text: the text itself where it is legal, else what is legal of it and a hash of
 * the whole, so that two texts have two values. A legal text that looks like such a value is encoded as well.
 */
export function labelSafe(text: string): string {
  if (isLabelValue(text) && !ENCODED.test(text)) return text;
  const readable = text
    .replace(/[^A-Za-z0-9._-]+/gu, "-")
    .slice(0, READABLE_LENGTH)
    .replace(/^[._-]+|[._-]+$/gu, "");
  const hash = createHash("sha256").update(text).digest("hex").slice(0, HASH_LENGTH);
  return `${readable === "" ? "x" : readable}.h${hash}`;
}

const ENCODED = /\.h[0-9a-f]{10}$/u;

/** The value of the annotation `attempt`. */
export function attemptMark(jobId: string, attempt: number): string {
  return `${jobId}/${attempt}`;
}
