/**
 * What a job prints, line by line, over its attempts and over lost connections.
 *
 * T1. The position of a line stands for exactly that line: who continues behind it gets the next one, and none twice. It
 *     is a position of the log at which no line was begun, and the number of lines from there.
 */
import type { LogItemJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { logLines, type LogLine } from "./log-lines.ts";
import type { CallOptions } from "./ongoing-call.ts";
import type { StreamedItem } from "./stream-items.ts";

export interface TailOptions extends CallOptions {
  /** Begin behind the line that has this position, instead of with the first line of the first attempt. */
  readonly after?: string | undefined;
  /** Only this stream. */
  readonly stream?: "stdout" | "stderr" | undefined;
}

export interface TailedLine extends LogLine {
  /** Given as `after` to another `tail`, also in another program, it continues behind this line. */
  readonly position: string;
}

/** Follows the log of a job from a position of the API. */
export type Follow = (after: string) => AsyncIterable<StreamedItem>;

/** Where the log of the first attempt begins. */
const BEGINNING = "1:+0";

export async function* tailLines(follow: Follow, after: string = BEGINNING): AsyncGenerator<TailedLine> {
  const start = read(after);
  const lines = logLines();
  let anchor = start.anchor;
  // Lines behind the anchor; of the first one, some were seen by the caller before.
  let behind = 0;
  let known = start.behind;
  const fresh = (found: readonly LogLine[]): TailedLine[] =>
    found.map((line) => ({ ...line, position: `${anchor}+${++behind}` })).filter(() => known-- <= 0);
  for await (const { position, item } of follow(anchor)) {
    const typed = item as LogItemJson;
    if (typed.type !== "chunks") continue;
    yield* fresh(typed.chunks.flatMap((chunk) => lines.push(chunk)));
    if (!lines.isEmpty || known > 0) continue;
    [anchor, behind] = [position, 0];
  }
  yield* fresh(lines.rest());
}

function read(position: string): { readonly anchor: string; readonly behind: number } {
  const [, anchor, behind] = /^([0-9.:]+)\+(\d{1,15})$/u.exec(position) ?? [];
  if (anchor === undefined)
    throw new WindlassError("invalid", `after is ${JSON.stringify(position)}; it must be the position of a line that tail has given`);
  return { anchor, behind: Number(behind) };
}
