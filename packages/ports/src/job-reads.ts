/** Reading jobs: lists, timelines, the feed. Never touches what claims lock, and may lag behind by a moment. */
import type { Attempt, JobEvent, JobKindName, JobState, JobView, Outcome } from "@windlass/kernel";

export interface JobFilter {
  readonly workspace: string;
  readonly kind?: JobKindName;
  readonly name?: string;
  readonly states?: readonly JobState[];
  readonly outcome?: Outcome;
  /** Its key. */
  readonly queue?: string;
  readonly label?: { readonly key: string; readonly value: string };
  readonly parentId?: string;
  readonly rootId?: string;
  /** Only jobs without a parent. */
  readonly rootsOnly?: boolean;
  /** By id: newest first (the default) or oldest first. */
  readonly order?: "newest" | "oldest";
  /** Continue behind this job id. */
  readonly after?: string;
  readonly limit: number;
}

export interface FeedEntry {
  /** Opaque; continues the feed behind this event. Positions sort as text does, in the order of the feed. */
  readonly position: string;
  /** Of the job. */
  readonly workspace: string;
  readonly event: JobEvent;
}

export type TallyBy = "state" | "kind" | "queue";

export interface Tally {
  readonly counts: Readonly<Record<string, number>>;
  /** True when there are more jobs than were looked at. */
  readonly capped: boolean;
}

export interface JobReads {
  get(id: string): Promise<JobView | null>;
  /** The child of this key, found by one look into an index. */
  child(parentId: string, childKey: string): Promise<JobView | null>;
  /** The id of the job that was made under this idempotency key; null: none was. */
  made(workspace: string, idempotencyKey: string): Promise<string | null>;
  list(filter: JobFilter): Promise<readonly JobView[]>;
  /** Oldest first; the one that is alive comes last. */
  attempts(jobId: string): Promise<readonly Attempt[]>;
  /** Events of one job with `seq` greater than `after`, in order. */
  events(jobId: string, after: number, limit: number): Promise<readonly JobEvent[]>;
  /**
   * Events of all jobs in the order in which they became visible, behind `after` ("" = from the beginning): those of one job
   * in their order, those of different jobs mostly in that of their commits (a start may come a moment later, decision 0033).
   * Never passes over an event that becomes visible later (architecture, feed order).
   */
  feed(after: string, limit: number): Promise<readonly FeedEntry[]>;
  /** The position of the newest event, "" when there is none. */
  feedEnd(): Promise<string>;
  /** Ids of the jobs that hold a concurrency key, and its limit. */
  keyHolders(key: string): Promise<{ readonly limit: number; readonly holders: readonly string[] }>;
  /** How many of the jobs that fit have which state, kind or queue (its key); no more than `filter.limit` are looked at. */
  tally(filter: JobFilter, by: TallyBy): Promise<Tally>;
  /** How many jobs there are of each state, capped at `cap` each. */
  counts(workspace: string, cap: number): Promise<Readonly<Record<JobState, number>>>;
}
