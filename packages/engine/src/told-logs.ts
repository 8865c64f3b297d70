/**
 * What containers elsewhere print, as whoever watches them tells it: pieces of bytes, each with its place in what was printed.
 *
 * P1. Nothing is kept here between two pieces but what can be learned from the log again: whoever tells holds what is not
 *     stored yet, and every answer says from where on. So either side may be started anew at any time.
 * P2. A piece that lies in what is stored changes nothing; one that would leave a gap is not stored. What nobody has any
 *     more is passed over only when it is said to be lost, and a mark says how much. A log that is told from its beginning, and
 *     began at another time than what is stored, has lost that: whoever tells it goes on behind the last line that is stored.
 *     One whose rest cannot be had says so with an empty piece behind what is stored: a mark says it, once.
 * P3. What may be the beginning of a secret is not stored: it comes again with what follows, or as the last piece.
 * P4. A log whose secrets cannot be opened here is not stored. The values are those of the moment in which the first piece
 *     came to this process.
 */
import { maskOf, messageOf, outlivesHost, seconds, WindlassError, type Attempt, type Mask } from "@windlass/kernel";
import {
  LOG_CONTAINERS_MAX,
  logGapMark,
  logLostMark,
  logMissingMark,
  logRate,
  MAIN_CONTAINER,
  nameOfSource,
  STREAMS,
  type LogChunk,
  type LogKey,
  type LogRate,
  type LogSource,
  type ToldLine,
  type ToldSource,
} from "@windlass/ports";
import type { StaleReason } from "./callbacks.ts";
import type { EngineContext } from "./context.ts";
import { maskOfAttempt } from "./given-secrets.ts";

/** Whose log it is, as whoever tells knows the attempt. */
export interface ToldAttempt extends LogKey {
  /** What the attempt is called outside. */
  readonly name: string;
  /** What its executor knows it by; null: not told. */
  readonly ref: string | null;
}

export interface ToldPiece extends LogSource {
  /** Where it begins in what its source printed, in bytes. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** When it was printed; null: now. */
  readonly at: number | null;
  /** Nothing comes behind it. */
  readonly isLast: boolean;
  /** What lies between what is stored and this piece cannot be had any more. */
  readonly isRestLost: boolean;
  /** It is the first that there is of the log. */
  readonly isFirst: boolean;
  /** Before it something may be missing, nobody knows how much. */
  readonly isBehindGap: boolean;
  /** The last line of which there is something in it; null: not told. */
  readonly last: ToldLine | null;
}

export type LogStaleReason = StaleReason | "log_removed";

export type LogAnswer =
  /** `next`: the first byte that is not stored, by which whoever tells goes on. */
  | { readonly status: "stored" | "gap"; readonly next: number }
  /** Nothing was stored, for the log has another beginning. `last`: the last line that is stored, by which its place is found. */
  | { readonly status: "moved"; readonly next: number; readonly last: ToldLine | null }
  | { readonly status: "accepted_stale"; readonly reason: LogStaleReason };

export type ToldAnswer =
  | { readonly status: "known"; readonly sources: readonly ToldSource[] }
  | { readonly status: "accepted_stale"; readonly reason: LogStaleReason };

export interface ToldLogs {
  take(attempt: ToldAttempt, piece: ToldPiece): Promise<LogAnswer>;
  /** How far each source of the attempt is stored. */
  told(attempt: ToldAttempt): Promise<ToldAnswer>;
}

export interface ToldLogLimits {
  /** Of each stream of each container; 0 for no limit. */
  readonly bytesPerSecondMax: number;
}

/** What is known of one attempt's log as long as pieces come. */
interface Taking {
  readonly mask: Mask;
  readonly sources: Map<string, ToldSource>;
  readonly rates: Map<string, LogRate>;
  attempt: Attempt;
  lookedAt: number;
  /** Bytes since the log was last asked how far it is: only it knows when a source is cut. */
  bytesSince: number;
}

/** Attempts whose pieces are being taken; what is known of others is learned again. */
const TAKING_MAX = 1_000;
/** A job that is removed meanwhile is noticed within this time. */
const LOOK_AGAIN_MS: number = seconds(10);
/** A source that reached its limit is noticed within so many bytes. */
const LOOK_AGAIN_BYTES = 16_777_216;
/** So much of which nothing can be told apart from secrets is left out: whoever tells holds it, and cannot hold more for ever. */
const UNSETTLED_MAX = 524_288;
const SOURCES_MAX = LOG_CONTAINERS_MAX * STREAMS.length;

export function toldLogs(context: EngineContext, { bytesPerSecondMax }: ToldLogLimits): ToldLogs {
  const taking = new Map<string, Taking>();
  const inTurn = oneAfterTheOther();

  const begin = async (attempt: Attempt): Promise<Taking> => ({
    attempt,
    mask: await maskFor(context, attempt.jobId),
    sources: new Map((await context.logs.told(keyOf(attempt))).map((source) => [nameOfSource(source), source])),
    rates: new Map(),
    lookedAt: context.clock.monotonic(),
    bytesSince: 0,
  });
  const takingOf = async (told: ToldAttempt): Promise<Taking | LogStaleReason> => {
    const id = `${told.jobId}/${told.attempt}`;
    let found = taking.get(id);
    taking.delete(id);
    if (found === undefined || context.clock.monotonic() - found.lookedAt > LOOK_AGAIN_MS) {
      const attempt = await attemptOf(context, told);
      if (typeof attempt === "string") return attempt;
      if (found === undefined) found = await begin(attempt);
      Object.assign(found, { attempt, lookedAt: context.clock.monotonic() });
    }
    taking.set(id, found);
    const [oldest] = taking.size > TAKING_MAX ? taking.keys() : [];
    if (oldest !== undefined) taking.delete(oldest);
    return misfit(found.attempt, told) ?? found;
  };
  const store = async (told: ToldAttempt, of: Taking, chunks: readonly LogChunk[]): Promise<void> => {
    try {
      await context.logs.append(told, chunks);
    } catch (error) {
      // How far it came is learned from the log.
      taking.delete(`${told.jobId}/${told.attempt}`);
      throw new WindlassError("unavailable", `the log of ${told.jobId} cannot be written now: ${messageOf(error)}`, { cause: error });
    }
    of.bytesSince += chunks.reduce((sum, { data }) => sum + data.length, 0);
    if (of.bytesSince < LOOK_AGAIN_BYTES) return;
    of.bytesSince = 0;
    for (const source of await context.logs.told(told)) of.sources.set(nameOfSource(source), source);
  };

  return {
    take: (told, piece) =>
      inTurn(`${told.jobId}/${told.attempt}`, async (): Promise<LogAnswer> => {
        const of = await takingOf(told);
        if (typeof of === "string") return { status: "accepted_stale", reason: of };
        const name = nameOfSource(piece);
        if (!of.sources.has(name) && of.sources.size >= SOURCES_MAX) throw tooManySources(told);
        const source = sourceBefore(piece, of.sources.get(name), context.now());
        const misplaced = misplacedAnswer(piece, source);
        if (misplaced !== null) return misplaced;
        if (isRestMark(piece) && piece.offset <= source.until && (await endsInRestMark(context, told, piece)))
          return { status: "stored", next: source.until };
        const rate = of.rates.get(name) ?? logRate(bytesPerSecondMax);
        of.rates.set(name, rate);
        const chunks = chunksOf({ source, piece, mask: of.mask, rate, bytesPerSecondMax, now: context.now() });
        const last = chunks.at(-1)?.told ?? source;
        if (chunks.length > 0) {
          of.sources.set(name, { ...source, ...last });
          await store(told, of, chunks);
        }
        return { status: "stored", next: last.until };
      }),
    told: (told) =>
      inTurn(`${told.jobId}/${told.attempt}`, async (): Promise<ToldAnswer> => {
        const attempt = await attemptOf(context, told);
        const reason = typeof attempt === "string" ? attempt : misfit(attempt, told);
        return reason === null ? { status: "known", sources: await context.logs.told(told) } : { status: "accepted_stale", reason };
      }),
  };
}

interface Cutting {
  readonly source: ToldSource;
  readonly piece: ToldPiece;
  readonly mask: Mask;
  readonly rate: LogRate;
  readonly bytesPerSecondMax: number;
  readonly now: number;
}

function tooManySources({ jobId, attempt }: LogKey): WindlassError {
  return new WindlassError(
    "too_large",
    `attempt ${attempt} of ${jobId} has logs of ${LOG_CONTAINERS_MAX} containers; there is no room for more`,
  );
}

/** As it is known before this piece. One of which only marks are stored begins with the first piece that has bytes. */
function sourceBefore(piece: ToldPiece, stored: ToldSource | undefined, now: number): ToldSource {
  if (stored !== undefined && stored.until > 0) return stored;
  return { ...sourceOf(piece), until: 0, gap: 0, isCut: false, ...stored, beganAt: piece.at ?? now };
}

/** The answer to a piece of which nothing can be stored where it lies; null: something may. */
function misplacedAnswer(piece: ToldPiece, source: ToldSource): LogAnswer | null {
  const end = piece.offset + piece.data.length;
  if (piece.isFirst && piece.at !== null && source.until > 0 && source.beganAt !== piece.at)
    return { status: "moved", next: source.until, last: source.last ?? null };
  if (source.isCut) return { status: "stored", next: Math.max(end, source.until) };
  if (piece.offset > source.until && !piece.isRestLost) return { status: "gap", next: source.until };
  return isRestMark(piece) && piece.offset < source.until ? { status: "stored", next: source.until } : null;
}

/** What is to be stored of a piece that begins in what is stored, right behind it, or behind what is lost. */
function chunksOf({ source, piece, mask, rate, bytesPerSecondMax, now }: Cutting): readonly LogChunk[] {
  const { offset, data, isLast } = piece;
  const at = piece.at ?? now;
  const chunks: LogChunk[] = [];
  let { until, gap } = source;
  const add = (bytes: Uint8Array): void => {
    const last = piece.last !== null && piece.last.offset <= until ? piece.last : source.last;
    chunks.push({ ...sourceOf(piece), at, data: bytes, told: { until, gap, ...(last === undefined ? {} : { last }) } });
  };
  const markGap = (): void => {
    const mark = logGapMark(gap, bytesPerSecondMax);
    gap = 0;
    add(Buffer.from(mark));
  };
  if (offset > until) {
    const lost = offset - until;
    until = offset;
    add(Buffer.from(logLostMark(lost, "whoever watches the container did not have it any more")));
  }
  if (isRestMark(piece)) add(Buffer.from(REST_MARK));
  else if (piece.isBehindGap && offset === until)
    add(Buffer.from(logMissingMark("it was removed before anybody who watches the container read it")));
  const fresh = data.subarray(Math.min(data.length, until - offset));
  const settled = isLast ? fresh.length : mask.settled(fresh);
  if (settled === 0 && fresh.length >= UNSETTLED_MAX) {
    until += fresh.length;
    add(Buffer.from(logLostMark(fresh.length, "nothing in it can be told apart from secrets")));
    return chunks;
  }
  if (settled > 0) {
    const shown = mask.bytes(fresh.subarray(0, settled));
    // By when it was printed: whoever catches up tells in a moment what took an hour.
    const { keep } = rate.admit(shown.length, at);
    if (keep > 0 && gap > 0) markGap();
    gap += shown.length - keep;
    until += settled;
    add(shown.subarray(0, keep));
  }
  if (isLast && gap > 0) markGap();
  return chunks;
}

const REST_MARK = logMissingMark("whoever watches the container could not read on");

/** Nothing is known of what it was to have. */
function isRestMark({ isBehindGap, data }: ToldPiece): boolean {
  return isBehindGap && data.length === 0;
}

/** It was told before: by a call whose answer was lost, or by another one who watches. */
async function endsInRestMark({ logs }: EngineContext, key: LogKey, { stream, container = MAIN_CONTAINER }: LogSource): Promise<boolean> {
  const bytesMax = Buffer.byteLength(REST_MARK);
  const { chunks } = await logs.read(key, { stream, container, tailBytes: bytesMax, bytesMax });
  return Buffer.concat(chunks.map(({ data }) => data))
    .toString()
    .endsWith(REST_MARK);
}

/** The attempt that is meant, or why there is none whose log could be told. */
async function attemptOf({ store: { reads }, logs }: EngineContext, { jobId, attempt }: ToldAttempt): Promise<Attempt | LogStaleReason> {
  const view = await reads.get(jobId);
  if (view === null) return "unknown_job";
  // Of all others the log is written by whoever runs them.
  if (!outlivesHost(view.record.executor)) return "not_a_container_step";
  const found = (await reads.attempts(jobId)).find(({ number }) => number === attempt);
  if (found === undefined) return "other_attempt";
  return (await logs.usage(jobId)).removed ? "log_removed" : found;
}

function misfit({ externalName, externalRef }: Attempt, { name, ref }: ToldAttempt): LogStaleReason | null {
  if (externalName !== name) return "name_mismatch";
  return externalRef !== null && ref !== null && externalRef !== ref ? "uid_mismatch" : null;
}

/** See P4. */
async function maskFor(context: EngineContext, jobId: string): Promise<Mask> {
  const { rule, incomplete } = await maskOfAttempt(context, jobId);
  if (incomplete === null) return maskOf(rule);
  throw new WindlassError("unavailable", `the log of ${jobId} cannot be masked, so it is not stored: ${incomplete}`);
}

function keyOf({ jobId, number }: Attempt): LogKey {
  return { jobId, attempt: number };
}

/** The main container goes without a name. */
function sourceOf({ stream, container = MAIN_CONTAINER }: LogSource): LogSource {
  return container === MAIN_CONTAINER ? { stream } : { stream, container };
}

/** Runs what belongs to one key one after the other. */
function oneAfterTheOther(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const own = before === undefined ? work() : before.then(work, work);
    last.set(key, own);
    try {
      return await own;
    } finally {
      if (last.get(key) === own) last.delete(key);
    }
  };
}
