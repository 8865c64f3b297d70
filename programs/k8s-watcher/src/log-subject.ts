/** Which log is read, and what whoever reads it is handed. */
import type { ClusterClient } from "@windlass/kubernetes";
import type { Machine } from "./machine.ts";
import type { LogPiece, ServerLine } from "./server-line.ts";

export interface LogSubject extends Pick<LogPiece, "id" | "attempt" | "jobName" | "jobUid" | "container"> {
  readonly namespace: string;
  readonly pod: string;
  /** As the pod calls it. */
  readonly containerName: string;
  /** It was started again since. */
  readonly isPrevious: boolean;
  /** Of what it printed last so much is kept. */
  readonly tailBytes: number;
  /** Whether this run of it has ended, as far as is known. */
  readonly hasEnded: () => boolean;
  /** It is read no more. What the server lacks of it may still be on its way. */
  readonly onRead: () => void;
}

export interface LogWorld {
  readonly client: ClusterClient;
  readonly line: ServerLine;
  readonly machine: Machine;
  /** Bytes that all logs together may hold. */
  readonly room: { bytes: number };
  /** Asks for the right to one more stream. */
  readonly turn: () => Promise<() => void>;
}
