/** What a handler that runs in this process has of the world: the engine's store, clock and logs. */
import {
  COMPLETION_SECRET_BYTES,
  completionTokenOf,
  HANDED_ON,
  maskedJson,
  maskedTexts,
  maskOf,
  messageOf,
  NO_SECRETS,
  type BugError,
  type HandledJob,
  type HandlerEnd,
  type HandlerHost,
  type JsonObject,
  type LiveJob,
  type Mask,
  type MaskRule,
  type Progress,
  type Result,
} from "@windlass/kernel";
import type { ClaimedJob, LogChunk, LogKey } from "@windlass/ports";
import type { EngineContext } from "./context.ts";

/** Log lines are stored in groups at most this long after they were written. */
const LOG_FLUSH_MS = 50;

export function handledJob({ record, live }: ClaimedJob, traceparent: string | null): HandledJob {
  return { jobId: record.id, name: record.name, attempt: live.attempt, input: record.input, labels: record.labels, traceparent };
}

export function maskOfJob(context: EngineContext, { record }: Pick<ClaimedJob, "record">, given: MaskRule["secrets"] = []): Mask {
  const rule = context.masks?.(record) ?? NO_SECRETS;
  return maskOf(given.length === 0 ? rule : { ...rule, secrets: [...rule.secrets, ...given] });
}

/** Of a job of which only the id is known here; for who carries out what others hold. */
export async function maskOfId(context: EngineContext, id: string): Promise<Mask> {
  if (context.masks === undefined) return maskOf(NO_SECRETS);
  const [record] = await context.store.jobs.records([id]);
  return maskOf(record === undefined ? NO_SECRETS : context.masks(record));
}

/** The same end, without what must not be stored. */
export function maskedEnd(end: HandlerEnd, mask: Mask, given: MaskRule["secrets"] = []): HandlerEnd {
  if (end.type !== "settle") return end;
  const result = maskedResult(end.result, mask, given);
  return result === end.result ? end : { ...end, result };
}

/** The output is the user's own: steps that follow need it as it is, but for the secrets that its attempt was given. */
export function maskedResult(result: Result, mask: Mask, secrets: MaskRule["secrets"] = []): Result {
  const { message, evidence, output } = result;
  if (message === null && evidence === undefined && secrets.length === 0) return result;
  const masked = secrets.length === 0 || output === undefined ? output : maskedJson(output, maskOf({ secrets, patterns: [] }));
  return {
    ...result,
    message: message === null ? null : mask.text(message),
    ...(evidence === undefined ? {} : { evidence: maskedTexts(evidence, mask) as JsonObject }),
    ...(masked === undefined ? {} : { output: masked }),
  };
}

export function handlerHost(context: EngineContext, { live }: Pick<ClaimedJob, "live">, mask: Mask): HandlerHost {
  return new AttemptHost(context, live, mask);
}

class AttemptHost implements HandlerHost {
  readonly #context: EngineContext;
  readonly #live: LiveJob;
  readonly #mask: Mask;
  /** Most write nothing. */
  #log: AttemptLog | null = null;

  constructor(context: EngineContext, live: LiveJob, mask: Mask) {
    this.#context = context;
    this.#live = live;
    this.#mask = mask;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#context.clock.after(delayMs, callback);
  }

  log(line: string): void {
    const { id, attempt } = this.#live;
    this.#log ??= attemptLog(this.#context, { key: { jobId: id, attempt }, mask: this.#mask });
    this.#log.line(line);
  }

  closeLog(): Promise<void> | undefined {
    return this.#log?.close();
  }

  async progress(progress: Progress): Promise<void> {
    const { id, token } = this.#live;
    await this.#context.commit([{ type: "progress", id, token, progress }]);
  }

  async expect(): Promise<{ readonly text: string; readonly hash: string }> {
    const { id, token, attempt } = this.#live;
    const text = completionTokenOf(id, attempt, this.#context.random.bytes(COMPLETION_SECRET_BYTES));
    const hash = this.#context.sha256(text);
    const [result] = await this.#context.commit([{ type: "expect", id, token, tokenHash: hash }]);
    if (result?.ok !== true) throw new Error(HANDED_ON);
    return { text, hash };
  }

  report(bug: BugError): void {
    this.#context.logger.error(bug.message, { job: this.#live.id, stack: bug.stack });
  }
}

interface AttemptLog {
  line(text: string): void;
  close(): Promise<void>;
}

/** Groups lines before they are stored. A log that cannot be written is reported, and does not fail the job. */
function attemptLog(context: EngineContext, { key, mask }: { readonly key: LogKey; readonly mask: Mask }): AttemptLog {
  let lines: LogChunk[] = [];
  let writing: Promise<void> = Promise.resolve();
  let cancel: (() => void) | null = null;
  const encoder = new TextEncoder();
  const masked = mask.stream();
  const add = (data: Uint8Array): void => {
    if (data.length > 0) lines.push({ stream: "stdout", at: context.clock.now(), data });
  };
  const flush = (): void => {
    cancel = null;
    const chunks = lines;
    lines = [];
    if (chunks.length === 0) return;
    writing = writing
      .then(() => context.logs.append(key, chunks))
      .catch((error: unknown) => context.logger.error("a log could not be written", { ...key, error: messageOf(error) }));
  };
  return {
    line(text) {
      add(masked.push(encoder.encode(`${text}\n`)));
      cancel ??= context.clock.after(LOG_FLUSH_MS, flush);
    },
    async close() {
      cancel?.();
      add(masked.end());
      flush();
      await writing;
    },
  };
}
