/** The smaller stores beside jobs, and all of them together as one driver gives them. */
import type {
  DeadLetter,
  DefinitionName,
  DisabledDefinition,
  ExecutorName,
  Expected,
  Json,
  LiveJob,
  Queue,
  QueueSettings,
  QueueState,
  QueueView,
  Reason,
  SpawnerLimits,
  WaitingCount,
} from "@windlass/kernel";
import type { AuditStore, RoleStore, TokenStore, WorkspaceStore } from "./access-stores.ts";
import type { AnswerStore } from "./answers.ts";
import type { JobReads } from "./job-reads.ts";
import type { JobStore } from "./job-store.ts";
import type { ScheduleStore } from "./schedule-store.ts";
import type { SecretStore } from "./secret-store.ts";
import type { WebhookStore } from "./webhook-store.ts";

/** Undefined leaves a field as it is. */
export type QueueChange = { readonly [K in keyof QueueSettings]?: QueueSettings[K] | undefined } & { readonly by?: string | undefined };

/** Queues under their keys (`queueKeyOf`). */
export interface QueueStore {
  list(): Promise<readonly QueueView[]>;
  get(name: string): Promise<Queue | null>;
  /** What a claim would see of it now: its settings, and what of its limits is used by the queue and by this fairness key. */
  state(name: string, fairnessKey: string, spawner?: SpawnerLimits): Promise<QueueState>;
  /** What is ready for the same executor in the same queue and is not of a lower priority: how many stand before it (kernel, `placesAhead`). */
  waiting(live: Pick<LiveJob, "executor" | "queue" | "priority" | "id">): Promise<readonly WaitingCount[]>;
  /** Makes the queue when it is not there. Returns what is stored now. Throws `revision_mismatch`; `not_found` when its workspace is gone. */
  put(name: string, change: QueueChange, now: number, expected?: Expected): Promise<Queue>;
  /** Forgets what was set of it. False when nothing was. Throws `revision_mismatch`. */
  remove(name: string, expected?: Expected): Promise<boolean>;
}

export interface DeadLetterFilter {
  readonly workspace: string;
  /** Its key. */
  readonly queue?: string;
  readonly name?: string;
  readonly reason?: Reason;
  /** Died at this time or later. */
  readonly since?: number;
  /** Died before this time. */
  readonly until?: number;
  readonly redriven?: boolean;
  readonly ids?: readonly string[];
  /** Continue behind this job, newest first. */
  readonly after?: string;
  readonly limit: number;
}

/** Jobs that failed for good. `commit` adds them; they go with their job (retention), or when they are struck off. */
export interface DeadLetterStore {
  list(filter: DeadLetterFilter): Promise<readonly DeadLetter[]>;
  /** Notes that each was run again, unless that was done meanwhile: `redrives` is how often it had been. */
  redriven(
    marks: readonly { readonly jobId: string; readonly redrives: number; readonly as: string }[],
    mark: { readonly by: string; readonly at: number },
  ): Promise<void>;
  /** Strikes them off the list; their jobs stay. Returns how many were on it. */
  remove(jobIds: readonly string[]): Promise<number>;
}

/** A worker or launcher that is alive as long as it reports. */
export interface Session {
  readonly id: string;
  readonly role: "worker" | "launcher" | "server";
  /** The place of its executor, for launchers. */
  readonly place: string | null;
  /** What it carries out: executor and key of the queue (`*` = all), for `explain`. */
  readonly serves: readonly { readonly executor: ExecutorName; readonly queue: string; readonly handlers?: readonly string[] }[];
  readonly startedAt: number;
  readonly expiresAt: number;
  /** Id of the token that may go on with it over another connection; nobody may when it is left out or null. */
  readonly owner?: string | null;
  /** The host that its program runs on and the number of its process, as it says itself; for people. */
  readonly host?: string | null;
}

export interface SessionStore {
  open(session: Session): Promise<void>;
  /** Extends sessions that are still there; returns their ids. One that was given up stays so. */
  beat(ids: readonly string[], expiresAt: number): Promise<readonly string[]>;
  list(): Promise<readonly Session[]>;
  /** Removes the session: what it holds may be taken from it. */
  close(id: string): Promise<void>;
  /** Takes or keeps the lead of a chore until `expiresAt`; false while another's lead lasts. Saves polling, guards nothing. */
  lead(chore: string, session: string, now: number, expiresAt: number): Promise<boolean>;
}

/** Reports that a session is alive, away from the event loop, and stops when the loop hangs. */
export interface Heartbeats {
  keep(
    sessionId: string,
    options: { readonly intervalMs: number; readonly ttlMs: number; readonly onLost: () => void },
  ): Promise<{ stop(): Promise<void> }>;
}

/** A named, versioned text that jobs are made from (a workflow file). Versions count from 1 and never change. */
export interface Definition {
  readonly id: string;
  readonly workspace: string;
  readonly type: string;
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  readonly body: Json;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

export interface DefinitionStore {
  /** Stores a new version unless the newest has the same hash; then that one is returned with `created: false`. */
  put(
    definition: Omit<Definition, "version">,
    /** Of the newest version. Throws `revision_mismatch` when there is another; `not_found` when the workspace is gone. */
    expected?: Expected,
  ): Promise<{ readonly definition: Definition; readonly created: boolean }>;
  /** Versions of one definition below `before`, newest first. */
  versions(key: DefinitionName, page: { readonly before: number | null; readonly limit: number }): Promise<readonly Definition[]>;
  /** Returns what is stored now: who disabled it first is kept. Null: there is no such definition. */
  disable(mark: DisabledDefinition): Promise<DisabledDefinition | null>;
  /** False: it was not disabled. */
  enable(key: DefinitionName): Promise<boolean>;
  /** Those of these that are disabled. */
  disabled(keys: readonly DefinitionName[]): Promise<readonly DisabledDefinition[]>;
  /** Removes all versions, and whether it is disabled; returns how many there were. Throws `revision_mismatch`. */
  remove(key: DefinitionName, expected?: Expected): Promise<number>;
  /** The newest when `version` is left out. */
  get(key: {
    readonly workspace: string;
    readonly type: string;
    readonly name: string;
    readonly version?: number;
  }): Promise<Definition | null>;
  byId(id: string): Promise<Definition | null>;
  /** The newest version of each, by name. */
  list(workspace: string, type: string): Promise<readonly Definition[]>;
}

/** A place whose logs a server shows. */
export interface ServedPlace {
  readonly place: string;
  /** The name of the machine, for people. */
  readonly host: string;
  /** Where other servers reach it. */
  readonly url: string;
  /** What they show to be let in; a new one at each start. */
  readonly secret: string;
  readonly seenAt: number;
}

export interface PlaceStore {
  /** Replaces what was known of the place. */
  put(place: ServedPlace): Promise<void>;
  /** All places that ever were, newest first. */
  list(): Promise<readonly ServedPlace[]>;
}

/** A root that has ended; also where a walk over such roots goes on. */
export interface EndedRoot {
  readonly id: string;
  readonly endedAt: number;
}

export interface RetentionStore {
  /** Roots that ended before `before`, oldest first, behind `after` (null: from the oldest). */
  ended(before: number, limit: number, after: EndedRoot | null): Promise<readonly EndedRoot[]>;
  /** Removes whole trees whose root has ended, with all that belongs to them; returns the ids of all jobs removed. Others are left alone. */
  remove(rootIds: readonly string[]): Promise<readonly string[]>;
}

/** From where to where somebody went in the feed; `from` is null at first. */
export interface FeedStep {
  readonly from: string | null;
  readonly to: string;
}

/** How far those have come in the feed who tell others what happened. */
export interface FeedPlaceStore {
  /** Null: none is kept under this name. */
  get(name: string): Promise<string | null>;
  /** Keeps `to`; false when what is kept is not `from` any more: somebody was quicker. */
  move(name: string, step: FeedStep): Promise<boolean>;
}

export interface Store {
  readonly jobs: JobStore;
  readonly reads: JobReads;
  readonly queues: QueueStore;
  readonly deadLetters: DeadLetterStore;
  readonly sessions: SessionStore;
  readonly definitions: DefinitionStore;
  readonly retention: RetentionStore;
  readonly places: PlaceStore;
  readonly workspaces: WorkspaceStore;
  readonly roles: RoleStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly secrets: SecretStore;
  readonly webhooks: WebhookStore;
  readonly schedules: ScheduleStore;
  readonly answers: AnswerStore;
  readonly feedPlaces: FeedPlaceStore;
  readonly heartbeats: Heartbeats;
  /**
   * Whether calls take effect in the order in which they are made: a claim that is asked for while a submit is under way
   * finds its job, and shares its commit.
   */
  readonly inOrder: boolean;
  /** Milliseconds to add to this machine's clock to have the store's; 0 where they are the same. */
  timeOffset(): Promise<number>;
  /** Answers when the store can be read and written. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
