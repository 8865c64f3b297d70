/** A log that is read from a cluster that answers as a test says, to a server that may have less than it was told. */
import { Readable } from "node:stream";
import type { ClusterCall, ClusterClient } from "@windlass/kubernetes";
import { fakeClock, seededRandom } from "@windlass/testkit";
import { containerLog } from "./container-log.ts";
import type { EntryMark } from "./log-place.ts";
import type { LogAnswer, ServerLine } from "./server-line.ts";
import { SILENT } from "./watcher-fixture.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

/** Each is the answer to one read: chunks, and whether it breaks after them. */
export interface Answer {
  readonly status?: number;
  readonly chunks?: readonly string[];
  readonly isCut?: boolean;
  /** Nothing comes after them, and no end. */
  readonly isStalled?: boolean;
  /** Not even how it is answered comes. */
  readonly isUnanswered?: boolean;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly isRestLost: boolean;
  readonly isBehindGap: boolean;
  readonly last: EntryMark | null;
}

/** As the API server tells what a node has refused, and what it has not found itself. */
export const refusal = (status: number, kind: string, message: string): Answer => ({
  status,
  chunks: [JSON.stringify({ message, details: { kind } })],
});
export const GONE = refusal(404, "pods", 'pods "a-1" not found');

/** Whatever it is told, it has stored only this much. */
type Forgets = (piece: Piece, told: number) => number | null;

export interface Given {
  /** What another watcher told before, of a log whose beginning is gone since. */
  readonly before?: { readonly text: string; readonly last?: EntryMark };
  readonly tailBytes?: number;
  readonly forgets?: Forgets;
  /** By how often it was read, and the time since the beginning. */
  readonly hasEnded?: (reads: number, sinceMs: number) => boolean;
  /** What the server says of whatever it is told. */
  readonly answer?: LogAnswer;
}

export function logOf(
  answers: readonly Answer[],
  { tailBytes = 1_000, forgets = () => null, hasEnded = () => true, before, answer }: Given = {},
) {
  const clock = fakeClock();
  const began = clock.monotonic();
  const left = [...answers];
  const stored: Uint8Array[] = before === undefined ? [] : [Buffer.from(before.text)];
  const pieces: (Omit<Piece, "bytes"> & { readonly text: string })[] = [];
  /** From when on it was asked for, and whether it was followed, each time. */
  const since: unknown[] = [];
  const followed: boolean[] = [];
  const warnings: unknown[] = [];
  let news = 0;
  const client = {
    stream: async (_: string, __: string, { query }: ClusterCall) => {
      since.push(query?.["sinceTime"] ?? null);
      followed.push(query?.["follow"] === true);
      const { status = 200, chunks = [], isCut = false, isStalled = false, isUnanswered = false } = left.shift() ?? GONE;
      if (isUnanswered) await new Promise(() => {});
      const stream = Readable.from(
        (async function* () {
          for (const chunk of chunks) yield Buffer.from(chunk);
          if (isStalled) await new Promise(() => {});
          if (isCut) throw new Error("the connection broke");
        })(),
      );
      return Object.assign(stream, { statusCode: status });
    },
  } as unknown as ClusterClient;
  const line = {
    tellLog: async (piece: Piece) => {
      const { offset, bytes, isRestLost, isBehindGap, last } = piece;
      pieces.push({ offset, isRestLost, isBehindGap, last, text: Buffer.from(bytes).toString() });
      if (answer !== undefined) return { is: "answered", answer };
      if (before !== undefined && offset === 0)
        return { is: "answered", answer: { status: "moved", next: before.text.length, last: before.last } };
      const less = forgets(piece, pieces.length);
      if (less !== null) return { is: "answered", answer: { status: "gap", next: less } };
      stored.push(Uint8Array.from(bytes));
      return { is: "answered", answer: { status: "stored", next: offset + bytes.length } };
    },
  } as unknown as ServerLine;
  const logger = { ...SILENT, warn: (what: string, about?: object) => void warnings.push({ what, ...about }) };
  const machine = { clock, random: seededRandom(1), logger, metrics: watcherMetrics(), signal: new AbortController().signal };
  const log = containerLog(
    {
      ...{ id: "job_a", attempt: 1, jobName: "a", jobUid: "uid-1", container: undefined },
      ...{ namespace: "n", pod: "a-1", containerName: "main", isPrevious: false, tailBytes },
      hasEnded: () => hasEnded(answers.length - left.length, clock.monotonic() - began),
      onRead: () => void news++,
    },
    { client, line, machine, room: { bytes: 0 }, turn: async () => () => {} },
  );
  const text = (): string => Buffer.concat(stored).toString();
  return { log, clock, text, pieces, since, followed, warnings, machine, news: () => news };
}

export const entry = (second: number, text: string): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z ${text}\n`;
export const ONE: string = entry(1, "one");
export const TWO: string = entry(2, "two");
export const THREE: string = entry(3, "three");
export const tailOf = (log: ReturnType<typeof containerLog>): string => Buffer.from(log.tail().bytes).toString();

/** Its container has ended when the first stream has. */
export const early: Given = { hasEnded: (reads) => reads > 0 };
