/** Which part of which log is asked for, and how a piece of it is shown. Pure. */
import { isUtf8 } from "node:buffer";
import { ALL_CONTAINERS, type LogChunkJson } from "@windlass/contract";
import { isTerminal, WindlassError, type JobView } from "@windlass/kernel";
import { MAIN_CONTAINER, type LogChunk, type LogRange } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import { isoTime } from "./present-job.ts";

export interface RangeQuery {
  readonly attempt?: number | undefined;
  readonly stream?: "stdout" | "stderr" | undefined;
  /** The main one when left out. */
  readonly container?: string | undefined;
  readonly tailLines?: number | undefined;
  readonly tailBytes?: number | undefined;
  readonly since?: string | undefined;
  readonly after?: string | undefined;
}

/** The number of the attempt that is meant: the newest where none is named; 0 when there is none yet. Throws `not_found`, of a container too. */
export function attemptOf(view: JobView, { attempt: wanted, container }: Pick<RangeQuery, "attempt" | "container">): number {
  demandContainer(view, container);
  const made = view.live?.attempt ?? view.final?.attempts ?? 0;
  if (wanted === undefined || wanted <= made) return wanted ?? made;
  // An attempt of a job that is alive may still come.
  const more = isTerminal(view.state) ? "" : " so far";
  throw new WindlassError(
    "not_found",
    `${view.record.id} has made ${made} ${made === 1 ? "attempt" : "attempts"}${more}; there is no attempt ${wanted}`,
  );
}

/** An empty log would be believed. Of a pod nobody knows all containers beforehand: a cluster may add some. */
function demandContainer({ record: { id, executor } }: JobView, container = MAIN_CONTAINER): void {
  if (container === MAIN_CONTAINER || container === ALL_CONTAINERS || executor === "kubernetes") return;
  const has = executor === "docker" ? `has one container, ${MAIN_CONTAINER}` : `ran in no container (its executor is ${executor})`;
  throw new WindlassError("not_found", `${id} ${has}; there is no container "${container}"`);
}

export function rangeOf(
  { stream, container = MAIN_CONTAINER, tailLines, tailBytes, since, after }: RangeQuery,
  bytesMax: number,
): LogRange {
  // Who continues has had the tail already.
  const tail = after === undefined || after === "" ? definedOnly({ tailLines, tailBytes }) : { after };
  const of = container === ALL_CONTAINERS ? {} : { container };
  return { ...definedOnly({ stream }), ...of, ...tail, ...(since === undefined ? {} : { since: Date.parse(since) }), bytesMax };
}

/** The same reading, behind a position. */
export function continued({ stream, container, since, bytesMax }: LogRange, after: string): LogRange {
  return { ...definedOnly({ stream, container, since }), after, bytesMax };
}

export function presentChunk(attempt: number, { stream, container, at, data }: LogChunk): LogChunkJson {
  return { attempt, stream, ...definedOnly({ container }), at: isoTime(at), ...contentOf(data) };
}

/** `base64`: not UTF-8, or cut within a character. */
function contentOf(data: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? { text: bytes.toString("utf8") } : { base64: bytes.toString("base64") };
}
