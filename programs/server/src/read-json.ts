/** From the bytes of a body to JSON, within bounds: whoever sends too much, too deep or broken text is told where. */
import { WindlassError, type Json, type JsonObject } from "@windlass/kernel";
import type { Headers } from "./authenticate.ts";

/** Deeper values make those who walk through them run out of stack. */
const DEPTH_MAX = 64;
/** In longer texts the place of a fault is not searched for. */
const SEARCHED_LENGTH_MAX = 100_000;

/** What is said of a body of which less comes than was said. */
export const BROKEN_OFF = "the body broke off";

/** The body of a request, which was not read yet. Rejects when it breaks off. */
export interface SentBody {
  readonly headers: Headers;
  /** All of it: of one that said how long it is. */
  whole(): Promise<Uint8Array>;
  /** As they come. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Reads no more than `bytesMax`, also when the length was not announced. Throws `too_large`. */
export async function readBody(sent: SentBody, bytesMax: number): Promise<string> {
  const bytes = await readBytes(sent, bytesMax);
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new WindlassError("bad_request", "the body is not UTF-8 text", { cause: error });
  }
}

/** The same, of what is no text. `limit`: what to say of it. */
export async function readBytes(sent: SentBody, bytesMax: number, limit = "server.bodyBytesMax"): Promise<Uint8Array> {
  const encoding = sent.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new WindlassError("bad_request", `the body is packed (${encoding}); send it as it is`);
  const announced = sent.headers.get("content-length");
  if (Number(announced ?? 0) > bytesMax) throw tooLarge(bytesMax, limit);
  // Node reads no more of a body than was announced, and all of it at once is much cheaper than a stream.
  const bytes = await (announced === null ? bytesOf(sent, bytesMax, limit) : sent.whole()).catch((cause: unknown) => {
    throw isLost(cause) ? new WindlassError("bad_request", BROKEN_OFF, { cause }) : cause;
  });
  if (bytes.length > bytesMax) throw tooLarge(bytesMax, limit);
  return bytes;
}

/** Whether the caller has gone. Anything else that fails while a body is read is a fault of ours, and is to be found as one. */
function isLost(error: unknown): boolean {
  const { name, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return name === "AbortError" || LOST_CODES.has(code ?? "");
}

const LOST_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"]);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The body of a request that did not say how long it is. */
async function bytesOf(sent: SentBody, bytesMax: number, limit: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of sent.pieces()) {
    size += piece.length;
    if (size > bytesMax) throw tooLarge(bytesMax, limit);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** An empty body counts as an empty object. Throws `bad_request` with line and column. */
export function readJson(text: string): Json {
  if (text.trim() === "") return {};
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    const { line, column, what } = placeOf(text, error as Error);
    throw new WindlassError("bad_request", `the body is not JSON: line ${line}, column ${column}: ${what}`, {
      faults: [{ path: "", message: what, line, column }],
      cause: error,
    });
  }
  if (isDeeperThan(value, DEPTH_MAX)) throw new WindlassError("too_large", `the body is nested more than ${DEPTH_MAX} deep`);
  return value;
}

function tooLarge(bytesMax: number, limit: string): WindlassError {
  return new WindlassError("too_large", `the body is larger than ${bytesMax} bytes (${limit})`);
}

interface Place {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

function placeOf(text: string, error: Error): Place {
  const position = positionIn(error) ?? (isCutShort(error) ? text.length : firstFault(text));
  const before = text.slice(0, position).split("\n");
  const what = error.message.replace(/ in JSON at position.*| \(line \d+ column \d+\)|, (\.\.\.)?".*$/gsu, "");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1, what };
}

function positionIn(error: Error): number | undefined {
  const told = /at position (\d+)/u.exec(error.message)?.[1];
  return told === undefined ? undefined : Number(told);
}

function isCutShort(error: Error): boolean {
  return /end of JSON|Unterminated/u.test(error.message);
}

/** For an unexpected character the parser tells no position: it is where the shortest beginning ends that nothing can mend. */
function firstFault(text: string): number {
  if (text.length > SEARCHED_LENGTH_MAX) return 0;
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return bad - 1;
}

function mayGoOn(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return true;
  } catch (error) {
    return isCutShort(error as Error) || (positionIn(error as Error) ?? -1) >= beginning.length;
  }
}

/** Goes no deeper than that: the value may be deeper than the stack. */
export function isDeeperThan(value: Json, depthMax: number): boolean {
  if (depthMax < 0) return true;
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(value)) return value.some((item: Json) => isDeeperThan(item, depthMax - 1));
  return Object.values<Json>(value as JsonObject).some((item) => isDeeperThan(item, depthMax - 1));
}
