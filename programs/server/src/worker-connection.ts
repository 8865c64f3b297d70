/**
 * One worker at the other end of a WebSocket: who it is, its session, and what it says. The rules about jobs are the
 * engine's (claims, sessions, settling); here they meet the wire (contract/worker-messages.ts).
 *
 * K1. Whatever a worker sends, the worst that happens is a message `fault` and the end of its connection.
 * K2. The end of a connection ends no session: the worker may come back, to any server, until its session runs out.
 * K3. When `end` has resolved, nothing is claimed for this connection any more.
 * K4. Whose token opens nothing any more is cut off within TOKEN_MS, also a worker that never reports.
 * K5. Who sends faster than it may is read more slowly (frame-pace.ts).
 * K6. While the store has not taken what workers have told already, and that is much, nothing more is read for a while: the line holds it
 *     back. That nothing is heard of them then is no fault of theirs. Their reports lie behind it, so the while is short; an SDK tells no
 *     more than it may itself then (worker-outbox.ts), and others no quicker than K5.
 * K7. Who says goodbye has given back or ended all that has reached it: what is still held by its session was on its way there, has not
 *     begun, and is given back.
 * K8. However much comes in one frame, a connection asks the store one thing of a kind at a time: what comes meanwhile goes with the next.
 */
import {
  faultsOf,
  frameReader,
  WORKER_CLOSE,
  WORKER_SESSIONS_PER_TOKEN_MAX,
  workerMessage,
  type WorkerHello,
  type WorkerMessage,
} from "@windlass/contract";
import {
  claimLoop,
  giveBack,
  noteWorked,
  openReportedSession,
  traceWait,
  type ClaimLoop,
  type EngineContext,
  type ReportedSession,
  type Settling,
} from "@windlass/engine";
import { hasCode, messageOf, seconds, WindlassError } from "@windlass/kernel";
import type { ClaimedJob, Logger } from "@windlass/ports";
import type { RawData, WebSocket } from "ws";
import { framesOut, type FramesOut } from "./worker-frames-out.ts";
import { queuesOf } from "./worker-hello.ts";
import { workerItems, type WorkerItems } from "./worker-items.ts";
import { readingOf, type Reading } from "./worker-reading.ts";
import { givenStep, isWithin, NOT_ITS_OWN, type Given } from "./runner-steps.ts";
import { heldJob, workerJobs, type WorkerJobs } from "./worker-jobs.ts";
import { workerReports } from "./worker-reports.ts";

export interface WorkerConnection {
  /** Null until its worker has said who it is. */
  readonly session: string | null;
  /** Ends it; resolves when nothing is claimed for it any more. May be called again. */
  end(code: number, why: string): Promise<void>;
}

export interface ConnectionParts {
  readonly context: EngineContext;
  readonly results: Settling;
  /** The queue as it is stored, of a name in the worker's workspace. */
  readonly queueKey: (name: string) => string;
  readonly workspace: string;
  /** Id of its token. */
  readonly owner: string;
  /** Where it says that it runs. */
  readonly host: string | null;
  /** The execution whose steps it carries out, as a runner; null: it serves any queue but those of executions. */
  readonly execution: string | null;
  /** Rejects when its token does not open anything any more: looked at with each report, and between. */
  readonly stillAllowed: () => Promise<void>;
  /** How long to read nothing more after so many bytes; 0: go on. */
  readonly restMs: (bytes: number) => number;
  /** What is remembered of a session over its connections. */
  readonly memoryOf: (session: string) => { upTo: number };
  /** Called before the session's jobs are looked at: an older connection of it is to end first. */
  readonly opened: (connection: WorkerConnection, session: string) => Promise<void>;
  readonly closed: (connection: WorkerConnection, session: { readonly id: string; readonly over: boolean } | null) => void;
}

/** Between the connection and its first message. */
const HELLO_MS: number = seconds(10);
/** How often the token is looked at: as long as other calls may believe in it. */
const TOKEN_MS: number = seconds(2);
/** What says that a token may not do this any more; all else is trouble that may pass. */
const REFUSALS = ["unauthorized", "forbidden", "not_found"] as const;
/** Between the closing message and the cut. */
const CUT_MS: number = seconds(1);
/** Jobs that a session may hold and that are named in a welcome. */
const HELD_MAX = 10_000;
/** A worker gives its line up when two reports, of four in its session's time, are not answered. */
const HOLDS_PER_TTL = 8;
/** Bytes of answers: as many as there are to some hundred thousand items, which no worker has under way. */
const UNREAD_MAX = 16_777_216;
const GOING_AWAY = 1001;
const NORMAL = 1000;

interface Serving {
  readonly session: ReportedSession;
  readonly ttlMs: number;
  readonly jobs: WorkerJobs;
  readonly items: WorkerItems;
  readonly claims: ClaimLoop;
  readonly report: (n: number) => void;
}

class Connection implements WorkerConnection {
  readonly #socket: WebSocket;
  readonly #parts: ConnectionParts;
  readonly #context: EngineContext;
  readonly #out: FramesOut;
  readonly #read = frameReader();
  readonly #reading: Reading;
  #session: string | null = null;
  #greeted = false;
  #serving: Serving | null = null;
  /** The session has ended with the connection, or before it. */
  #over = false;
  #isLeaving = false;
  #ending: Promise<void> | null = null;
  #cancelSilence: () => void;
  #cancelLook: () => void = () => {};

  constructor(socket: WebSocket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#context = parts.context;
    this.#out = framesOut(socket);
    this.#reading = readingOf(socket, this.#context.clock);
    this.#cancelSilence = this.#context.clock.after(HELLO_MS, () => this.#fault(new WindlassError("timed_out", "no hello came")));
    socket.on("message", (data, isBinary) => this.#hearFrame(data, isBinary));
    socket.on("ping", (data) => {
      this.#rest(data.length);
      this.#out.pong(data);
      this.#demandReader();
    });
    // Nobody asked for it; it is read all the same.
    socket.on("pong", (data) => this.#rest(data.length));
    // What follows an error is the end of the connection.
    socket.on("error", () => {});
    socket.on("close", () => void this.end(NORMAL, ""));
  }

  get session(): string | null {
    return this.#session;
  }

  end(code: number, why: string): Promise<void> {
    return (this.#ending ??= this.#finish(code, why));
  }

  async #finish(code: number, why: string): Promise<void> {
    this.#cancelSilence();
    this.#cancelLook();
    this.#reading.end();
    this.#out.flush();
    this.#socket.close(code, why);
    const cancelCut = this.#context.clock.after(CUT_MS, () => this.#socket.terminate());
    this.#socket.once("close", cancelCut);
    this.#serving?.jobs.close();
    await this.#serving?.claims.stop();
    this.#parts.closed(this, this.#session === null ? null : { id: this.#session, over: this.#over });
  }

  #fault(error: unknown): void {
    if (this.#ending !== null) return;
    const known = error instanceof WindlassError ? error : new WindlassError("bad_request", messageOf(error), { cause: error });
    this.#out.say({ type: "fault", code: known.code, message: known.message });
    void this.end(hasCode(known, "unavailable") ? WORKER_CLOSE.unavailable : WORKER_CLOSE.fault, known.code);
  }

  #lose(): void {
    this.#over = true;
    void this.end(WORKER_CLOSE.sessionLost, "the session was given up: its worker did not report for too long");
  }

  #hearFrame(data: RawData, isBinary: boolean): void {
    if (this.#ending !== null) return;
    try {
      const text = textOf(data, isBinary);
      this.#rest(text.length);
      if (this.#serving !== null && !this.#reading.isHeldBack) this.#listen(this.#serving.ttlMs);
      for (const message of this.#read(text)) this.#hear(parsed(message), text.length);
      this.#demandReader();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Who asks on and on and does not read the answers is cut off (F1 of worker-frames-out.ts). */
  #demandReader(): void {
    if (this.#out.unread > UNREAD_MAX) this.#fault(new WindlassError("rate_limited", `${UNREAD_MAX} bytes of answers were not read`));
  }

  /** What was read already is still heard, and counts: the rest is as much longer (K5). */
  #rest(bytes: number): void {
    const restMs = this.#ending === null ? this.#parts.restMs(bytes) : 0;
    if (restMs > 0) this.#reading.rest(restMs);
  }

  /** Keeps K6. */
  #holdBack(ttlMs: number): void {
    const { unstored } = this.#parts.results;
    if (!unstored.isFull) return;
    this.#reading.holdBack(unstored.room(), ttlMs / HOLDS_PER_TTL, () => this.#listen(ttlMs));
    if (this.#reading.isHeldBack) this.#cancelSilence();
  }

  /** A worker that is silent for its session's time is gone, even if its connection seems to be there. */
  #listen(ttlMs: number): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#context.clock.after(ttlMs, () => void this.end(GOING_AWAY, "nothing was heard for too long"));
  }

  #hear(message: WorkerMessage, frameLength: number): void {
    if (message.type === "hello") {
      if (this.#greeted) throw new WindlassError("bad_request", "hello is the first message of a connection, and comes once");
      this.#greeted = true;
      this.#begin(message).catch((error: unknown) => this.#fault(foreseen(error, this.#context.logger)));
    } else if (this.#serving === null) {
      throw new WindlassError("bad_request", `${message.type} comes after the welcome`);
    } else {
      this.#answer(this.#serving, message, frameLength);
    }
  }

  #lookAtToken(): void {
    this.#cancelLook = this.#context.clock.after(TOKEN_MS, () => {
      void this.#parts
        .stillAllowed()
        .catch((error: unknown) => {
          if (REFUSALS.some((code) => hasCode(error, code))) this.#fault(error);
        })
        .then(() => this.#ending === null && this.#lookAtToken());
    });
  }

  async #begin(hello: WorkerHello): Promise<void> {
    const { context, queueKey, workspace, owner, host, results, execution } = this.#parts;
    const out = this.#out;
    const queues = queuesOf(hello, execution).map(queueKey);
    const serves = queues.map((queue) => ({ executor: "handler" as const, queue, handlers: hello.handlers }));
    const opening = { serves, ttlMs: hello.ttlMs, owner, host, resume: hello.session, ownMax: WORKER_SESSIONS_PER_TOKEN_MAX };
    const session = await openReportedSession(context, opening);
    if (this.#ending !== null) return;
    this.#session = session.id;
    await this.#parts.opened(this, session.id);
    const given = execution === null ? {} : { given: (job: ClaimedJob) => this.#give(job) };
    const jobs = workerJobs({ out, unsent: () => this.#socket.bufferedAmount, traceOf: (job) => traceWait(context, job), ...given });
    const held = session.resumed ? await context.store.jobs.live({ session: session.id }, HELD_MAX) : [];
    for (const live of held) jobs.held.set(live.id, heldJob(live));
    if (this.#ending !== null) return;
    const claims = claimLoop(context, { queues, session, carrier: jobs });
    const items = workerItems({
      context,
      results,
      jobs,
      out,
      workspace,
      owner,
      isRunner: execution !== null,
      ended: execution === null ? () => {} : this.#noteWorked(owner),
      logged: this.#parts.memoryOf(session.id),
      freed: () => claims.wake(),
      failed: () => this.#fault(unavailable()),
    });
    const report = workerReports({
      session,
      stillAllowed: this.#parts.stillAllowed,
      alive: (n) => out.say({ type: "alive", n }),
      lost: () => this.#lose(),
      fault: (error) => this.#fault(error),
      logger: context.logger,
    });
    this.#serving = { session, ttlMs: hello.ttlMs, jobs, items, claims, report };
    this.#listen(hello.ttlMs);
    this.#lookAtToken();
    const known = held.map(({ id, token }) => ({ id, token }));
    out.say({ type: "welcome", session: session.id, resumed: session.resumed, ttlMs: hello.ttlMs, held: known });
    await claims.start();
  }

  /** What a runner is told of a step. What has no secrets to be given is settled, and so is never begun. */
  async #give(job: ClaimedJob): Promise<Given | null> {
    const { context, results, execution } = this.#parts;
    const { record, live } = job;
    try {
      const given = isWithin(record, execution) ? await givenStep(context, record) : { refused: NOT_ITS_OWN };
      if (!("refused" in given)) return given;
      const { id, token, attempt } = live;
      await results.settle({
        type: "settle",
        id,
        attempt,
        by: { type: "holder", token },
        result: given.refused,
        stopped: false,
        random: context.random.next(),
      });
      // Its place is another one's.
      this.#serving?.claims.wake();
    } catch (error) {
      // The line ends, and the step is found to be unknown to its runner over the next one.
      this.#fault(foreseen(error, context.logger));
    }
    return null;
  }

  /** Once is enough. */
  #noteWorked(owner: string): () => void {
    let isNoted = false;
    return () => {
      if (isNoted) return;
      isNoted = true;
      noteWorked(this.#context, owner).catch((error: unknown) =>
        this.#context.logger.warn("it could not be noted that a runner worked", { runner: owner, error: messageOf(error) }),
      );
    };
  }

  #answer(serving: Serving, message: Exclude<WorkerMessage, { type: "hello" }>, frameLength: number): void {
    switch (message.type) {
      case "credit":
        serving.jobs.credit(message.jobs, message.slots);
        return serving.claims.wake();
      case "items":
        serving.items.take(message.items, frameLength);
        return this.#holdBack(serving.ttlMs);
      case "unknown":
        return message.question === 0 ? forget(serving, message.ids) : serving.jobs.answered(message.question, message.ids);
      case "beat":
        return serving.report(message.n);
      case "bye":
        this.#bye(serving).catch((error: unknown) => this.#fault(foreseen(error, this.#context.logger)));
    }
  }

  /** Keeps K7. */
  async #bye({ session, claims, jobs }: Serving): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    jobs.close();
    await claims.stop();
    const held = await this.#context.store.jobs.live({ session: session.id }, HELD_MAX);
    await giveBack(
      this.#context,
      held.filter(({ id, token }) => jobs.held.get(id)?.token !== token || jobs.held.get(id)?.isEnding === false),
    );
    await session.close();
    this.#over = true;
    await this.end(NORMAL, "goodbye");
  }
}

/** Serves the worker at the other end until one of both ends it. */
export function serveWorker(socket: WebSocket, parts: ConnectionParts): WorkerConnection {
  return new Connection(socket, parts);
}

function unavailable(cause?: unknown): WindlassError {
  return new WindlassError("unavailable", "the store does not answer", { cause });
}

/** A refusal of ours as it is; everything else is trouble with the store, which the worker need not know. */
function foreseen(error: unknown, logger: Logger): WindlassError {
  if (error instanceof WindlassError) return error;
  logger.warn("a worker could not be served", { error: messageOf(error) });
  return unavailable(error);
}

/** What the worker was told that it holds, and does not have: looked at again at once, and given back. */
function forget({ jobs, claims }: Serving, ids: readonly string[]): void {
  for (const id of ids) jobs.held.delete(id);
  if (ids.length > 0) claims.compare();
}

function textOf(data: RawData, isBinary: boolean): string {
  if (isBinary || !Buffer.isBuffer(data)) throw new WindlassError("bad_request", "a frame must be text, not bytes");
  return data.toString("utf8");
}

function parsed(message: unknown): WorkerMessage {
  const result = workerMessage.safeParse(message);
  if (result.success) return result.data;
  const faults = faultsOf(result.error, message, workerMessage);
  throw new WindlassError(
    "invalid",
    faults
      .map((fault) => fault.message)
      .join("; ")
      .slice(0, 1_000),
    { faults },
  );
}
