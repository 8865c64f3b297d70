/**
 * What both ends of a worker's connection agree on, as plain data: a worker starts without loading a schema. The messages
 * are in worker-messages.ts; why the protocol is as it is, in docs/decisions.
 */
export { frameReader, frameWriter, listMessages } from "./worker-frames.ts";

export const WORKERS_PATH = "/api/v1/workers/connect";

/** In which a worker says where it runs, when it connects: for people. Servers that do not know of it leave it. */
export const WORKER_HOST_HEADER = "windlass-host";
/** More of it is cut off. */
export const WORKER_HOST_LENGTH_MAX = 200;

/** Where a program runs, for people who look for it: a worker elsewhere and a part of a server are told alike. */
export function hostToTell(hostname: string, pid: number): string {
  return `${readableHost(hostname)} (process ${pid})`;
}

/** What a header can carry and a terminal can show. */
export function readableHost(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "").trim();
}

/** The version that both must speak. It grows with every change that an older end would not understand. */
export const WORKER_PROTOCOL = 1;

/** Why a server ends a connection; below 4000 are the codes of RFC 6455. */
export const WORKER_CLOSE = {
  /** The worker broke the protocol; the message `fault` says how. */
  fault: 4000,
  /** The session was given up: what it held is lost. */
  sessionLost: 4001,
  /** The same session has connected again. */
  replaced: 4002,
  /** The server cannot serve it now (its store does not answer); to be tried again. */
  unavailable: 4003,
} as const;

/** A frame from a worker: the largest output there can be, several times, in bytes. */
export const WORKER_FRAME_BYTES_MAX = 8_388_608;
/** Jobs that a worker may hold at once, running and read ahead: what a lost worker can take with it. */
export const WORKER_JOBS_MAX = 5_000;
/** Queues that one worker may serve: each claim looks at all of them. */
export const WORKER_QUEUES_MAX = 32;
/** Handlers that a worker may register; they are kept with its session, for each queue. */
export const WORKER_HANDLERS_MAX = 200;
/** Characters of the name of a handler. */
export const WORKER_HANDLER_LENGTH_MAX = 256;
/**
 * Characters of the names of all handlers of a worker, once for each of its queues, as they are kept: room for as many handlers as there
 * may be with names of 20 in as many queues, and with any names in two. Without it one session took 1.6 MB of the store.
 */
export const WORKER_HANDLERS_LENGTH_MAX = 131_072;
/** Connections at once with the same token: a worker that connects in a loop does not exhaust the server. */
export const WORKER_CONNECTIONS_PER_TOKEN_MAX = 1_000;
/**
 * Sessions at once with the same token, which outlive their connections: one that connects anew each time leaves as many behind as run
 * out within the longest time to live, and all are looked at each second.
 */
export const WORKER_SESSIONS_PER_TOKEN_MAX = 4_000;
/** How long a worker may be silent until what it holds counts as lost. Shorter than the least, a pause of the line would do. */
export const WORKER_TTL_MS = { least: 1_000, usual: 30_000, most: 300_000 } as const;
/** Items in one message: a frame of an SDK (worker-frames.ts) has room for half as many. */
export const WORKER_ITEMS_MAX = 20_000;
/** Lines of a log in one item. */
export const WORKER_LOG_LINES_MAX = 1_000;

/** What is wrong with the names of a worker's handlers, taken together; null: nothing. */
export function faultOfHandlers(handlers: readonly string[], queues: readonly string[]): string | null {
  const length = handlers.reduce((sum, name) => sum + name.length, 0);
  const count = new Set(queues).size;
  if (length * count <= WORKER_HANDLERS_LENGTH_MAX) return null;
  const found = `the names of its ${handlers.length} handlers have ${length} characters, in ${count} queues ${length * count}`;
  return `handlers is too long: ${found}; at most ${WORKER_HANDLERS_LENGTH_MAX} are kept for a worker. Serve fewer queues, or shorten the names`;
}
