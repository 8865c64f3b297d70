/** What the composition hands to the server: the engine and what only the composition knows. */
import type { BackupJson, BackupStep, SettingJson } from "@windlass/contract";
import type { Engine, SubmitRequest } from "@windlass/engine";
import type { Expected, Fault, Json, JsonObject, ReadSchedule, Schedule, Timing } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import type { PeerDoor } from "./peer-door.ts";

/** A workflow as it is stored. */
export interface ReadWorkflow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly definition: JsonObject;
  /** Equal for equal workflows, however their files are written; its hash tells whether a new version is needed. */
  readonly content: string;
  /** Those that its file holds: they come and go with it. Undefined: it says nothing about any. */
  readonly schedules?: readonly ReadSchedule[];
}

/** The workflow module, as far as the server needs it; handed in, for modules and programs never meet but in the composition. */
export interface WorkflowLanguage {
  read(source: string): ReadWorkflow | { readonly faults: readonly Fault[] };
  /** Throws `invalid` with every fault of definition and input. `versionId`: of the stored definition, null for one that is not stored. */
  execution(request: {
    readonly definition: JsonObject;
    readonly versionId: string | null;
    readonly input: Json;
    /** The workflows that it comes to, by what steps write. */
    readonly pinned: ReadonlyMap<string, StoredVersion>;
    /** Of its containers, whatever the definition says. */
    readonly executor?: "docker" | "kubernetes" | "process";
    /** True: a schedule makes it, so that it gets a runner of its own where runners are containers and its workflow leaves that open. */
    readonly scheduled?: boolean;
  }): SubmitRequest;
  readonly referencesOf: ReferencesOf;
}

/** The workflows that a stored definition runs, by what its steps write (`report`, `report@3`), and where. */
export type ReferencesOf = (definition: JsonObject) => readonly { readonly name: string; readonly path: string }[];

export interface StoredVersion {
  readonly id: string;
  readonly version: number;
  readonly body: JsonObject;
}

/** One fire, as walls show it. */
export interface PreviewedFire {
  readonly at: number;
  readonly local: string;
  readonly viewed: string;
}

/** What knows of calendars and zones, as far as the server needs it. */
export interface ScheduleLanguage {
  /** The text of a file of its own. */
  read(source: string): ReadSchedule | { readonly faults: readonly Fault[] };
  /** The fields of a request. */
  check(fields: JsonObject): ReadSchedule | { readonly faults: readonly Fault[] };
  /** The fields that say when. */
  timing(fields: JsonObject): Timing | { readonly faults: readonly Fault[] };
  /** Throws `invalid` for a zone that is none. */
  preview(timing: Timing, asked: { readonly after: number; readonly count: number; readonly viewerZone: string }): readonly PreviewedFire[];
  /** The first times of a span, both ends among it. */
  times(
    timing: Timing,
    span: { readonly from: number; readonly to: number; readonly limit: number },
  ): { readonly times: readonly number[]; readonly isCut: boolean };
  /** The input of one occurrence, its templates filled in. Throws `invalid`. */
  input(schedule: Pick<Schedule, "id" | "name" | "timing" | "input">, nominalAt: number): Json;
}

interface NamedSchedule {
  readonly workspace: string;
  readonly name: string;
}

/** What may be done with schedules (the module of schedules says more). */
export interface ScheduleService {
  get(named: NamedSchedule): Promise<DueSchedule>;
  put(
    request: Omit<ReadSchedule, "paused"> & {
      readonly workspace: string;
      readonly source: string | null;
      readonly paused: boolean | undefined;
      readonly mayCommand: boolean;
    },
    by: string,
    expected?: Expected,
  ): Promise<{ readonly schedule: Schedule; readonly created: boolean }>;
  pause(named: NamedSchedule, by: string, reason: string | null): Promise<Schedule>;
  resume(named: NamedSchedule, by: string): Promise<Schedule>;
  remove(named: NamedSchedule, expected?: Expected): Promise<Schedule>;
  run(named: NamedSchedule): Promise<string>;
  backfill(
    named: NamedSchedule,
    backfill: { readonly from: number; readonly to: number; readonly limit: number; readonly concurrency: number },
  ): Promise<{ readonly run: string; readonly jobIds: readonly string[]; readonly refused: readonly string[]; readonly isCut: boolean }>;
}

/** Backs up store and logs into a folder of this machine. */
export interface BackUp {
  /** The place on this machine that a caller means. Throws what would be known only at the end otherwise, and `invalid` for a place where none may be. */
  place(folder: string): string;
  take(request: {
    /** As `place` gave it. */
    readonly folder: string;
    readonly onStep: (step: BackupStep) => void;
    readonly signal: AbortSignal;
  }): Promise<BackupJson>;
}

export interface ServerParts {
  readonly engine: Engine;
  readonly workflows: WorkflowLanguage;
  /** Left out where there are none. */
  readonly schedules?: { readonly service: ScheduleService; readonly language: ScheduleLanguage };
  /** Whoever has it may do everything. */
  readonly adminToken: string;
  /** What opens the routes of parts of Windlass that run elsewhere; empty or left out: they are closed. */
  readonly internalToken?: string;
  readonly version: string;
  /** sqlite or postgres. */
  readonly store: string;
  readonly executors: readonly string[];
  /** Names under which the server may be addressed, besides localhost, 127.0.0.1 and [::1]; `any` where a proxy checks that. */
  readonly hosts?: readonly string[] | "any";
  /** False: /metrics wants the token, as it should where others than this machine can reach it. Open when left out. */
  readonly openMetrics?: boolean;
  /** What the server works with, for those who may see it; without secrets. */
  readonly settings?: readonly SettingJson[];
  readonly bodyBytesMax?: number;
  /** Of one principal; 0 or left out: no limit. */
  readonly requestsPerSecond?: number;
  /** Of one remote address, with tokens that open nothing; 0 or left out: no limit. */
  readonly badTokensPerMinute?: number;
  /** Of all workers of one token; 0 or left out: no limit. */
  readonly framesPerSecond?: number;
  readonly streamsPerPrincipalMax?: number;
  /** Origins of web pages that may call; none when left out. */
  readonly corsOrigins?: readonly string[];
  /** Left out where no other server shares the store. */
  readonly peers?: PeerDoor;
  /** Left out where there is nothing that lasts. */
  readonly backUp?: BackUp;
}
