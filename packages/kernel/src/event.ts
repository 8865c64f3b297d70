/** What is recorded of a job, append-only and numbered per job without gaps. Timeline, watch and metrics read this. */
import type { Json } from "./json.ts";

export const EVENTS = {
  "job.submitted": "the job was accepted and stored",
  "job.due": "its time came; it is queued",
  "job.moved": "it waits in another queue now; data says from which, to which, and who moved it",
  "job.blocked": "it could not start because its concurrency key is held",
  "job.unblocked": "its concurrency key is free again; it is ready",
  "job.started": "an attempt began: a worker or launcher took it, or its decisions began",
  "job.launched": "its executor started it; data has its name and reference there",
  "job.adopted": "a successor took over an attempt whose launcher is gone",
  "job.progress": "it reported progress",
  "job.observed": "something became known of its attempt that goes on outside: pending, running, and why; data says what",
  "job.released": "its worker gave it back unstarted; no attempt counted",
  "job.deferred": "its worker put it off; no attempt counted",
  "job.waiting": "it waits for something and holds no slot",
  "job.signalled": "somebody sent it a signal; data says which, and who",
  "job.resumed": "what it waited for came; the same attempt goes on",
  "job.retrying": "its attempt ended badly and another will follow; data has the outcome and when",
  "job.stopping": "it was told to end; data says why and by whom",
  "job.finished": "it ended; data has outcome and reason",
} as const satisfies Record<string, string>;

export type EventType = keyof typeof EVENTS;
export const eventTypes = Object.keys(EVENTS) as EventType[];

export interface JobEvent {
  readonly jobId: string;
  /** 1, 2, 3 … per job, without gaps. */
  readonly seq: number;
  readonly at: number;
  readonly type: EventType;
  readonly attempt: number | null;
  readonly data: Json;
}
