/** What attempts print: bytes by attempt and stream, with times. */
export const STREAMS = ["stdout", "stderr"] as const;
export type Stream = (typeof STREAMS)[number];

export interface LogKey {
  readonly jobId: string;
  readonly attempt: number;
}

export interface LogChunk {
  readonly stream: Stream;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  readonly data: Uint8Array;
}

export interface LogRange {
  /** Only this stream; both, in the order in which they came, when left out. */
  readonly stream?: Stream;
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
  append(key: LogKey, chunks: readonly LogChunk[]): Promise<void>;
  read(key: LogKey, range: LogRange): Promise<LogSlice>;
  /** Calls back soon after more was written (by whomever); the returned function ends it. Calls may be spurious. */
  watch(key: LogKey, changed: () => void): () => void;
  remove(jobIds: readonly string[]): Promise<void>;
}
