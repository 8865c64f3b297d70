/** What attempts print: bytes by attempt and stream, with times. */
export const STREAMS = ["stdout", "stderr"] as const;
export type Stream = (typeof STREAMS)[number];

export interface LogKey {
  readonly jobId: string;
  readonly attempt: number;
}

/** Where bytes of an attempt come from. */
export interface LogSource {
  readonly stream: Stream;
  /** Of a container beside the main one; left out: of the main one, or of what has no containers. */
  readonly container?: string | undefined;
}

export interface LogChunk extends LogSource {
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  readonly data: Uint8Array;
  /** Of what is told from outside, piece by piece: how far its source is known with this chunk. It is stored with it. */
  readonly told?: ToldUntil | undefined;
}

/** How far a source was told, in bytes as they were printed. What is stored of it may be more or less: masks, gaps, a cut. */
export interface ToldUntil {
  readonly until: number;
  /** Bytes before it that were left out, and for which no mark stands in the log yet. */
  readonly gap: number;
  /** The last line of which something is stored, where whoever told it said which. */
  readonly last?: ToldLine | undefined;
}

/** A line by which whoever tells a log finds its place in it again, when the beginning of it is gone. */
export interface ToldLine {
  /** When it was printed, in the words of whoever told it. */
  readonly time: string;
  /** Where it begins in what was printed, in bytes. */
  readonly offset: number;
}

export interface ToldSource extends LogSource, ToldUntil {
  /** When the first of it was printed. */
  readonly beganAt: number;
  /** It reached its limit: nothing more of it is kept. */
  readonly isCut: boolean;
}

/** What the main container of an attempt is called where containers are named. */
export const MAIN_CONTAINER = "main";
/** As Kubernetes names containers. */
export const CONTAINER_NAME: RegExp = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;

export interface LogRange {
  /** Only this stream; both, in the order in which they came, when left out. */
  readonly stream?: Stream;
  /** Only this container; all, in the order in which they came, when left out. */
  readonly container?: string;
  /** Continue behind this position (of an earlier answer). */
  readonly after?: string;
  /** Only what was written at this time or later. */
  readonly since?: number;
  /** Only the last so many lines. */
  readonly tailLines?: number;
  /** Only the last so many bytes. */
  readonly tailBytes?: number;
  readonly bytesMax: number;
}

export interface LogSlice {
  readonly chunks: readonly LogChunk[];
  /** Where to continue. */
  readonly position: string;
  /** True when there is more now; false when this is the end so far. */
  readonly more: boolean;
}

export interface LogStore {
  /** Chunks with `told` are stored with how far they were told or not at all, also when their writer is killed. */
  append(key: LogKey, chunks: readonly LogChunk[]): Promise<void>;
  /** How far each source was told that came with `told`. */
  told(key: LogKey): Promise<readonly ToldSource[]>;
  read(key: LogKey, range: LogRange): Promise<LogSlice>;
  /** Calls back soon after more was written (by whomever); the returned function ends it. Calls may be spurious. */
  watch(key: LogKey, changed: () => void): () => void;
  /** True when there is something of this log here, or it was removed early. */
  has(key: LogKey): Promise<boolean>;
  remove(jobIds: readonly string[]): Promise<void>;
  /** Removes what a job printed before the job itself goes. Reading it throws `log_removed` from then on. May be repeated. */
  expire(jobId: string, at: number): Promise<void>;
  /** Jobs of which there is something here, in no order. */
  jobIds(): AsyncIterable<string>;
  usage(jobId: string): Promise<LogUsage>;
}

/** What the logs of one job take here. */
export interface LogUsage {
  readonly bytes: number;
  /** When something was last written, in milliseconds since 1970; 0 for nothing. */
  readonly changedAt: number;
  /** It was removed early; what is left of it is the rest of a removal that was cut short. */
  readonly removed: boolean;
}
