/**
 * The jobs of one worker at the other end of a connection, for the engine's claims: how many it takes, which it holds.
 *
 * J1. No more is pushed than the worker asked for; beyond its free slots only what may be read ahead (kernel, D7).
 * J2. What was claimed when the connection had ended is returned: nobody has seen it.
 * J3. Only the worker knows what it has: whether it knows a job that its session holds, it is asked.
 */
import { WORKER_JOBS_MAX, type WorkerItem } from "@windlass/contract";
import type { Carrier } from "@windlass/engine";
import { handlerNameOf, type LiveJob, type Mask } from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import type { Given, StepMask } from "./runner-steps.ts";
import type { FramesOut } from "./worker-frames-out.ts";

/** An attempt that the worker holds, until its end is stored. */
export interface HeldJob {
  readonly token: number;
  readonly attempt: number;
  /** Its key. */
  readonly queue: string;
  /** Log lines that are being stored: the end waits for them. */
  logging: Promise<void> | null;
  told: boolean;
  /** Its end has come, and is being stored. */
  isEnding: boolean;
  /** The hash of its completion token is being stored. */
  isExpecting: boolean;
  /** A progress of it is being stored. */
  isProgressing: boolean;
  /** The last that has come meanwhile, and the numbers of all that have. */
  progress: { readonly item: Extract<WorkerItem, { what: "progress" }>; readonly numbers: number[] } | null;
  /** What must not be stored of it; asked for once. */
  mask?: Mask;
  /** The same of the step that a runner carries out. */
  stepMask?: StepMask;
}

export interface WorkerJobs extends Carrier {
  readonly held: Map<string, HeldJob>;
  /** What the worker takes, counted from the beginning of the connection. */
  credit(jobs: number, slots: number): void;
  /** The worker's answer to a question. */
  answered(question: number, ids: readonly string[]): void;
  /** Takes nothing more, and leaves no question open. */
  close(): void;
}

/** One claim's size: a group that the store commits well, and a frame that is soon written. */
const CLAIM_MAX = 500;
/** Bytes that may wait to be sent before nothing more is claimed: a slow line does not fill the server's memory. */
const UNSENT_MAX = 4_194_304;

export interface WorkerJobsParts {
  readonly out: FramesOut;
  readonly unsent: () => number;
  /** What the attempt of a job continues. */
  readonly traceOf: (job: ClaimedJob) => string | null;
  /** What a runner is told besides; null: the job is not for it any more. */
  readonly given?: (job: ClaimedJob) => Promise<Given | null>;
}

export function workerJobs({ out, unsent, traceOf, given }: WorkerJobsParts): WorkerJobs {
  const held = new Map<string, HeldJob>();
  const questions = new Map<number, (ids: readonly string[]) => void>();
  let [open, pushed, jobsMax, slotsMax, asked] = [true, 0, 0, 0, 0];
  const answered = (question: number, ids: readonly string[]): void => {
    questions.get(question)?.(ids);
    questions.delete(question);
  };
  const gifts = given === undefined ? null : giving(given, { held, out, traceOf, isOpen: () => open, refused: () => pushed-- });
  return {
    held,
    answered,
    credit(jobs, free) {
      [jobsMax, slotsMax] = [jobs, free];
    },
    room() {
      if (!open || unsent() > UNSENT_MAX) return { limit: 0, ahead: 0 };
      const most = Math.min(CLAIM_MAX, WORKER_JOBS_MAX - held.size, jobsMax - pushed);
      const limit = Math.max(0, Math.min(most, slotsMax - pushed));
      return { limit, ahead: Math.max(0, most - limit) };
    },
    // The worker gives back by itself what it does not come to.
    surplus: () => [],
    recall(queue) {
      const jobs = [...held].flatMap(([id, job]) => (job.queue === queue && !job.told ? [{ id, token: job.token }] : []));
      // The steps of a runner are in a queue of their own, which nobody holds.
      if (open && gifts === null && jobs.length > 0) out.say({ type: "recall", jobs });
    },
    take(jobs) {
      if (!open) return jobs;
      for (const { live } of jobs) held.set(live.id, heldJob(live));
      pushed += jobs.length;
      if (gifts === null) out.push(jobs.map((job) => pushedJob(job, traceOf(job))));
      else for (const job of jobs) gifts.begin(job);
      return [];
    },
    holding: () => held.size,
    async unknown(live) {
      const doubtful = live.filter((job) => held.get(job.id)?.token !== job.token);
      if (doubtful.length === 0 || !open) return [];
      const question = ++asked;
      out.say({ type: "ask", question, ids: doubtful.map(({ id }) => id), tokens: doubtful.map(({ token }) => token) });
      const unknown = new Set(await new Promise<readonly string[]>((resolve) => questions.set(question, resolve)));
      for (const job of doubtful) if (!unknown.has(job.id)) held.set(job.id, heldJob(job));
      return doubtful.filter((job) => unknown.has(job.id));
    },
    stop({ id, token }, { reason, message, graceMs }) {
      const job = held.get(id);
      if (job === undefined || job.token !== token || job.told) return true;
      job.told = true;
      const say = (): void => out.say({ type: "stops", jobs: [{ id, token, reason, message, graceMs }] });
      if (gifts?.sayBehind(id, say) !== true) say();
      return true;
    },
    close() {
      open = false;
      for (const resolve of questions.values()) resolve([]);
      questions.clear();
    },
  };
}

/** An attempt of which nothing is known yet but who holds it. */
export function heldJob({ token, attempt, queue }: LiveJob): HeldJob {
  const none = { logging: null, told: false, isEnding: false, isExpecting: false, isProgressing: false, progress: null };
  return { token, attempt, queue, ...none };
}

interface Giving extends Pick<WorkerJobsParts, "out" | "traceOf"> {
  readonly held: Map<string, HeldJob>;
  readonly isOpen: () => boolean;
  /** It never took the place that it was to have there. */
  readonly refused: () => void;
}

/** Pushes the steps of a runner once it is known what each of them is given. */
function giving(given: NonNullable<WorkerJobsParts["given"]>, { held, out, traceOf, isOpen, refused }: Giving) {
  /** On their way, with what is to be said behind them. */
  const unpushed = new Map<string, () => void>();
  const push = async (job: ClaimedJob): Promise<void> => {
    const { id } = job.live;
    const gift = await given(job);
    const sayBehind = unpushed.get(id);
    unpushed.delete(id);
    const own = held.get(id);
    if (gift === null) {
      held.delete(id);
      refused();
    } else if (isOpen() && own !== undefined) {
      own.stepMask = gift.mask;
      out.push([{ ...pushedJob(job, traceOf(job)), ...gift.step }]);
      sayBehind?.();
    }
  };
  return {
    begin(job: ClaimedJob): void {
      unpushed.set(job.live.id, () => {});
      void push(job);
    },
    /** False: it is there already. What a worker has not heard of it would not stop. */
    sayBehind(id: string, say: () => void): boolean {
      if (unpushed.has(id)) unpushed.set(id, say);
      return unpushed.has(id);
    },
  };
}

function pushedJob({ record, live }: ClaimedJob, traceparent: string | null) {
  return {
    id: live.id,
    token: live.token,
    attempt: live.attempt,
    name: record.name,
    handler: handlerNameOf(record),
    input: record.input,
    labels: record.labels,
    ...(traceparent === null ? {} : { traceparent }),
  };
}
