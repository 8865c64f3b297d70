/** A worker: runs handlers in this program, on any machine, for the jobs of a Windlass server. */
import {
  faultOfHandlers,
  WORKER_HANDLER_LENGTH_MAX,
  WORKER_HANDLERS_MAX,
  WORKER_QUEUES_MAX,
  WORKER_TTL_MS,
} from "@windlass/contract/worker-connection";
import {
  DEFAULT_QUEUE,
  QUEUE_NAME,
  QUEUE_NAME_RULE,
  seconds,
  serviceOf,
  WindlassError,
  type Handler,
  type Tracing,
} from "@windlass/kernel";
import { checkedUrl } from "./client.ts";
import type { HandlersByName } from "./submit-job.ts";
import { WorkerCore, type WorkerNotice } from "./worker-core.ts";
import { machine } from "./worker-machine.ts";

export interface WorkerOptions {
  /**
   * `http://127.0.0.1:4180`; or who says it, and the token for it, each time that the worker connects: for a server whose address
   * changes. What that throws counts as a server that does not answer.
   */
  readonly url: string | (() => WorkerServer);
  /** A token with the permission `workers:connect`. */
  readonly token?: string | undefined;
  /** The workspace whose jobs it carries out; may be left out where the token is for one only, or for `default`. */
  readonly workspace?: string | undefined;
  /** The queue that it serves, or several; `default` when left out. */
  readonly queue?: string | readonly string[] | undefined;
  /** By the name under which jobs ask for them. All names together, once for each queue, have up to 131,072 characters. */
  readonly handlers: HandlersByName;
  /** Handlers that run at once; 10 when left out. */
  readonly concurrency?: number | undefined;
  /** How long a stop waits for handlers, in milliseconds; 20 s when left out. What has not ended by then is given up as lost. */
  readonly drainMs?: number | undefined;
  /**
   * How long the worker may be out of touch, in milliseconds, until its jobs are given to others; 30 s when left out. A handler
   * that holds up the event loop for as long loses its job: what computes for long belongs in a thread.
   */
  readonly sessionTtlMs?: number | undefined;
  /**
   * Whether it goes on with what it has, and keeps what that comes to, for as long as it is out of touch, until the server says that it
   * was given up; false when left out. For a worker of whose death the server learns by other means, as of a runner: what another one
   * would be given after `sessionTtlMs` would run twice for a while.
   */
  readonly keepsSession?: boolean | undefined;
  /** Makes a span of each attempt, which continues the trace of its job. See `@windlass/opentelemetry`. */
  readonly tracing?: Tracing | undefined;
  /** Called with what happens to the connection and to jobs; silent when left out. */
  readonly onNotice?: ((notice: WorkerNotice) => void) | undefined;
}

export interface WorkerServer {
  readonly url: string;
  /** The worker's own when left out. */
  readonly token?: string | undefined;
}

export type WorkerState = "stopped" | "connecting" | "connected" | "draining";

export interface Worker {
  /**
   * Connects. Resolves when the server has welcomed it; as long as none answers it goes on trying. Rejects when the server
   * refuses it (`unauthorized`, `forbidden`, another version). May be called in any order with `stop`; the last call wins.
   */
  start(): Promise<void>;
  /**
   * Takes nothing new, lets handlers finish for `drainMs`, gives back or gives up the rest, and leaves. When it has resolved,
   * nothing of the worker runs any more, but for handlers that did not listen to their signal.
   */
  stop(): Promise<void>;
  /** Handlers that run now. */
  readonly running: number;
  /** Ends, progress and lines of logs that the server has not taken yet. */
  readonly unanswered: number;
  readonly state: WorkerState;
}

const DEFAULT_CONCURRENCY = 10;
/** Handlers at once in one program: beyond it, start more of them. */
const CONCURRENCY_MAX = 1_000;
const DEFAULT_DRAIN: number = seconds(20);

/**
 * Makes a worker; `start` connects it. One WebSocket carries everything: jobs, results, reports, orders to stop.
 *
 * ```ts
 * const mailer = worker({
 *   url: "http://127.0.0.1:4180",
 *   token: process.env.WINDLASS_TOKEN,
 *   queue: "mail",
 *   handlers: { send: async ({ input, signal }) => ({ sent: await send(input, { signal }) }) },
 * });
 * await mailer.start();
 * process.once("SIGTERM", () => void mailer.stop());
 * ```
 *
 * An attempt of a handler begins at most once and is ended by the server as lost when its worker is; then the job's retry
 * policy decides about another. Throws `usage` for options that cannot be.
 */
export function worker(options: WorkerOptions): Worker {
  const checked = checkedOptions(options);
  let core: WorkerCore | null = null;
  let phase: "stopped" | "started" | "draining" = "stopped";
  const service = serviceOf(`worker ${checked.queues.join(", ")}`, async (unwanted) => {
    const begun = new WorkerCore({ ...checked, machine });
    [core, phase] = [begun, "started"];
    const end = async (how: () => Promise<void>): Promise<void> => {
      phase = "draining";
      await how();
      [core, phase] = [null, "stopped"];
    };
    const stopped = new Promise<void>((resolve) => unwanted.addEventListener("abort", () => resolve(), { once: true }));
    try {
      await Promise.race([begun.welcomed, stopped]);
    } catch (error) {
      await end(() => begun.leave());
      throw error;
    }
    if (unwanted.aborted) {
      await end(() => begun.drain());
      return null;
    }
    return () => end(() => begun.drain());
  });
  return {
    start: () => service.start(),
    stop: () => service.stop(),
    get running() {
      return core?.running ?? 0;
    },
    get unanswered() {
      return core?.unanswered ?? 0;
    },
    get state() {
      if (phase !== "started") return phase;
      return core?.connected === true ? "connected" : "connecting";
    },
  };
}

function checkedOptions(options: WorkerOptions) {
  const { concurrency = DEFAULT_CONCURRENCY, drainMs = DEFAULT_DRAIN, sessionTtlMs = WORKER_TTL_MS.usual, onNotice, queue } = options;
  const queues = typeof queue === "string" ? [queue] : (queue ?? [DEFAULT_QUEUE]);
  const names = Object.keys(options.handlers);
  demand(queues.length > 0 && queues.length <= WORKER_QUEUES_MAX, `a worker serves 1 to ${WORKER_QUEUES_MAX} queues, not ${queues.length}`);
  for (const name of queues) demand(QUEUE_NAME.test(name), `queue is ${JSON.stringify(name)}; a name has ${QUEUE_NAME_RULE}`);
  demand(
    names.length > 0 && names.length <= WORKER_HANDLERS_MAX,
    `handlers has ${names.length} entries; it must have 1 to ${WORKER_HANDLERS_MAX}`,
  );
  for (const name of names) {
    demand(
      name.length <= WORKER_HANDLER_LENGTH_MAX,
      `handlers.${name.slice(0, 40)}… has a name of ${name.length} characters; it must have at most ${WORKER_HANDLER_LENGTH_MAX}`,
    );
    demand(typeof options.handlers[name] === "function", `handlers.${name} is ${typeof options.handlers[name]}; it must be a function`);
  }
  const fault = faultOfHandlers(names, queues);
  demand(fault === null, fault ?? "");
  demand(
    Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX,
    `concurrency is ${concurrency}; it must be a whole number from 1 to ${CONCURRENCY_MAX}`,
  );
  demand(drainMs >= 0, `drainMs is ${drainMs}; it must be 0 or more`);
  demand(
    Number.isInteger(sessionTtlMs) && sessionTtlMs >= WORKER_TTL_MS.least && sessionTtlMs <= WORKER_TTL_MS.most,
    `sessionTtlMs is ${sessionTtlMs}; it must be from ${WORKER_TTL_MS.least} to ${WORKER_TTL_MS.most}`,
  );
  return {
    server: serverOf(options),
    workspace: options.workspace,
    queues,
    handlers: options.handlers as Readonly<Record<string, Handler>>,
    concurrency,
    drainMs,
    sessionTtlMs,
    keepsSession: options.keepsSession ?? false,
    tracing: options.tracing ?? null,
    notice: onNotice ?? (() => {}),
  };
}

function serverOf({ url, token }: Pick<WorkerOptions, "url" | "token">): () => Required<WorkerServer> {
  if (typeof url === "string") {
    const only = { url: checkedUrl(url), token };
    return () => only;
  }
  return () => {
    const found = url();
    return { url: checkedUrl(found.url), token: found.token ?? token };
  };
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new WindlassError("usage", message);
}
