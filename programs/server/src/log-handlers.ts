/** Reading what attempts printed: a piece with times, all of it byte for byte, and as it comes. */
import type { LogKey, LogRange, LogSlice } from "@windlass/ports";
import { followLogs } from "./follow-logs.ts";
import { attemptOf, continued, presentChunk, rangeOf } from "./log-range.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

/** Bytes that one read of a download takes. */
const PIECE_BYTES = 1_048_576;

export function logHandlers({ engine }: ServerContext): Pick<Handlers<"jobs">, "logs" | "rawLogs" | "followLogs"> {
  const { context } = engine;
  return {
    async logs({ params, query }, { jobs }) {
      const attempt = attemptOf(await jobs.get(params.id), query);
      if (attempt === 0) return { attempt, chunks: [], position: "", more: false };
      const slice = await context.logs.read({ jobId: params.id, attempt }, rangeOf(query, query.limitBytes));
      return { attempt, chunks: slice.chunks.map((chunk) => presentChunk(attempt, chunk)), position: slice.position, more: slice.more };
    },
    async rawLogs({ params, query }, { jobs }) {
      const attempt = attemptOf(await jobs.get(params.id), query);
      if (attempt === 0) return nothing();
      const key = { jobId: params.id, attempt };
      const range = rangeOf(query, PIECE_BYTES);
      // Read before the answer begins: a refusal is told as one.
      return allBytes({ key, range }, await context.logs.read(key, range));
    },
    async followLogs({ params, query }, { jobs, signal }) {
      const view = await jobs.get(params.id);
      const attempt = attemptOf(view, query);
      if (attempt > 0) await context.logs.read({ jobId: params.id, attempt }, { bytesMax: 1, tailBytes: 1 });
      return followLogs(engine, { view, query, signal });
    },
  };

  async function* allBytes(
    { key, range }: { readonly key: LogKey; readonly range: LogRange },
    first: LogSlice,
  ): AsyncGenerator<Uint8Array> {
    let slice = first;
    for (;;) {
      for (const chunk of slice.chunks) yield chunk.data;
      if (!slice.more) return;
      slice = await context.logs.read(key, continued(range, slice.position));
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
