/** Reading what attempts printed: a piece with times, all of it byte for byte, and as it comes. */
import type { LogChunkJson } from "@windlass/contract";
import { isTerminal, WindlassError, type JobView } from "@windlass/kernel";
import type { LogChunk, LogKey, LogRange } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import { followLogs } from "./follow-logs.ts";
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

/** Bytes that one read of a download takes. */
const PIECE_BYTES = 262_144;

export interface RangeQuery {
  readonly attempt?: number | undefined;
  readonly stream?: "stdout" | "stderr" | undefined;
  readonly tailLines?: number | undefined;
  readonly tailBytes?: number | undefined;
  readonly since?: string | undefined;
  readonly after?: string | undefined;
}

export function logHandlers({ engine }: ServerContext): Pick<Handlers<"jobs">, "logs" | "rawLogs" | "followLogs"> {
  const { jobs, context } = engine;
  return {
    async logs({ params, query }) {
      const attempt = attemptOf(await jobs.get(params.id), query.attempt);
      if (attempt === 0) return { attempt, chunks: [], position: "", more: false };
      const slice = await context.logs.read({ jobId: params.id, attempt }, rangeOf(query, query.limitBytes));
      return { attempt, chunks: slice.chunks.map((chunk) => presentChunk(attempt, chunk)), position: slice.position, more: slice.more };
    },
    async rawLogs({ params, query }) {
      const attempt = attemptOf(await jobs.get(params.id), query.attempt);
      return attempt === 0 ? nothing() : allBytes({ jobId: params.id, attempt }, rangeOf(query, PIECE_BYTES));
    },
    async followLogs({ params, query }, { signal }) {
      const view = await jobs.get(params.id);
      attemptOf(view, query.attempt);
      return followLogs(engine, { view, query, signal });
    },
  };

  async function* allBytes(key: LogKey, range: LogRange): AsyncGenerator<Uint8Array> {
    let slice = await context.logs.read(key, range);
    for (;;) {
      for (const chunk of slice.chunks) yield chunk.data;
      if (!slice.more) return;
      slice = await context.logs.read(key, continued(range, slice.position));
    }
  }
}

/** The number of the attempt that is meant: the newest where none is named; 0 when there is none yet. Throws `not_found`. */
export function attemptOf(view: JobView, wanted: number | undefined): number {
  const made = view.live?.attempt ?? view.final?.attempts ?? 0;
  if (wanted === undefined || wanted <= made) return wanted ?? made;
  // An attempt of a job that is alive may still come.
  const more = isTerminal(view.state) ? "" : " so far";
  throw new WindlassError("not_found", `${view.record.id} has made ${made} ${made === 1 ? "attempt" : "attempts"}${more}; there is no attempt ${wanted}`);
}

export function rangeOf({ stream, tailLines, tailBytes, since, after }: RangeQuery, bytesMax: number): LogRange {
  // Who continues has had the tail already.
  const tail = after === undefined || after === "" ? definedOnly({ tailLines, tailBytes }) : { after };
  return { ...definedOnly({ stream }), ...tail, ...(since === undefined ? {} : { since: Date.parse(since) }), bytesMax } as LogRange;
}

/** The same reading, behind a position. */
export function continued({ stream, since, bytesMax }: LogRange, after: string): LogRange {
  return { ...definedOnly({ stream, since }), after, bytesMax } as LogRange;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function presentChunk(attempt: number, { stream, at, data }: LogChunk): LogChunkJson {
  return { attempt, stream, at: isoTime(at), ...contentOf(data) };
}

function contentOf(data: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: utf8.decode(data) };
  } catch {
    return { base64: Buffer.from(data).toString("base64") }; // Not UTF-8, or cut within a character.
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
