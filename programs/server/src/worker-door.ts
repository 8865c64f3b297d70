/**
 * Where workers come in: who may connect, how many, and which connections there are.
 *
 * D1. A session has one connection at most: a newer one ends the older before it is served.
 * D2. When `close` has resolved, nothing is claimed for any worker, and their sockets are closing. Who is let in by then is refused.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  readableHost,
  WORKER_CLOSE,
  WORKER_CONNECTIONS_PER_TOKEN_MAX,
  WORKER_FRAME_BYTES_MAX,
  WORKER_HOST_HEADER,
  WORKER_HOST_LENGTH_MAX,
  WORKERS_PATH,
} from "@windlass/contract";
import { settling } from "@windlass/engine";
import { queueKeyOf, WindlassError } from "@windlass/kernel";
import { WebSocketServer, type WebSocket } from "ws";
import { headersOf } from "./answer-headers.ts";
import { demand, type Authenticate, type Principal } from "./authenticate.ts";
import type { FramePace } from "./frame-pace.ts";
import { isLimited, type RateLimit } from "./rate-limit.ts";
import type { PlainAnswer } from "./asked-call.ts";
import { requestIdOf } from "./request-id.ts";
import { problemAnswer } from "./respond.ts";
import type { ServerContext } from "./server-context.ts";
import { serveWorker, type WorkerConnection } from "./worker-connection.ts";

export interface WorkerDoor {
  /** Answers a request to upgrade a connection; never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Workers that are connected. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface DoorOptions {
  readonly context: ServerContext;
  readonly authenticate: Authenticate;
  readonly checkHost: (host: string) => void;
  /** Of requests: to ask for a connection is one. */
  readonly rate: RateLimit;
  readonly pace: FramePace;
}

/** Sessions whose last item with log lines is remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 10_000;
const GOING_AWAY = 1001;

export function workerDoor({ context: server, authenticate, checkHost, rate, pace }: DoorOptions): WorkerDoor {
  const { context } = server.engine;
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Answered by the connection, which counts what its worker does not read.
    autoPong: false,
    maxPayload: WORKER_FRAME_BYTES_MAX,
  });
  const results = settling(context);
  const connections = new Map<WorkerConnection, Principal>();
  const bySession = new Map<string, WorkerConnection>();
  const memories = new Map<string, { upTo: number }>();
  let closing = false;

  const { allowed, admitted } = admission({ authenticate, checkHost, rate });
  const serve = (socket: WebSocket, request: IncomingMessage, principal: Principal): void => {
    const connection = serveWorker(socket, {
      context,
      results,
      queueKey: (name) => queueKeyOf(principal.workspace, name),
      workspace: principal.workspace,
      owner: principal.id,
      host: hostOf(request),
      execution: principal.execution ?? null,
      stillAllowed: async () => void (await allowed(request, null)),
      restMs: (bytes) => pace.restMs(principal, bytes),
      memoryOf: (session) => remembered(memories, session),
      async opened(newer, session) {
        const older = bySession.get(session);
        bySession.set(session, newer);
        await older?.end(WORKER_CLOSE.replaced, "its worker has connected again");
      },
      closed(ended, session) {
        connections.delete(ended);
        if (session === null) return;
        if (bySession.get(session.id) === ended) bySession.delete(session.id);
        if (session.over) memories.delete(session.id);
      },
    });
    connections.set(connection, principal);
  };
  return {
    get connections() {
      return connections.size;
    },
    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      const refused = (error: unknown): void => {
        const requestId = requestIdOf(headerOf(request.headers, "x-request-id") ?? undefined, () => context.newId("req"));
        const answer = problemAnswer(error, { requestId, logger: context.logger });
        const noted = { requestId, operation: "none", rateHeaders: undefined, ownHeaders: undefined };
        refuse(socket, { ...answer, headers: headersOf(noted, answer) });
      };
      const enter = (principal: Principal): void => {
        // Nobody would end it any more.
        if (closing) throw stopping();
        // Of many that ask at once none is counted before it is served.
        demandRoom(connections.values(), principal);
        sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, request, principal));
      };
      admitted(request, closing).then(enter).catch(refused);
    },
    async close() {
      closing = true;
      await Promise.all([...connections.keys()].map((connection) => connection.end(GOING_AWAY, "the server is about to stop")));
      results.close();
    },
  };
}

/** Who may come in, and may stay. */
function admission({ authenticate, checkHost, rate }: Pick<DoorOptions, "authenticate" | "checkHost" | "rate">) {
  const allowed = async ({ headers }: IncomingMessage, address: string | null): Promise<Principal> => {
    const principal = await authenticate({ get: (name) => headerOf(headers, name) }, address);
    demand(principal, { permission: "workers:connect", id: "a worker's connection" });
    return principal;
  };
  const admitted = async (request: IncomingMessage, closing: boolean): Promise<Principal> => {
    checkHost(request.headers.host ?? "");
    const pathname = URL.parse(request.url ?? "/", "http://localhost")?.pathname ?? "an address that is none";
    if (pathname !== WORKERS_PATH) throw new WindlassError("route_not_found", `workers connect at ${WORKERS_PATH}, not at ${pathname}`);
    if (closing) throw stopping();
    const principal = await allowed(request, request.socket.remoteAddress ?? null);
    if (isLimited(principal)) rate.take(principal.name);
    return principal;
  };
  return { allowed, admitted };
}

function stopping(): WindlassError {
  return new WindlassError("shutting_down", "the server is about to stop");
}

function demandRoom(connected: Iterable<Principal>, { id, name }: Principal): void {
  const same = [...connected].filter((other) => other.id === id).length;
  if (same >= WORKER_CONNECTIONS_PER_TOKEN_MAX)
    throw new WindlassError("unavailable", `${name} has ${same} workers connected; at most ${WORKER_CONNECTIONS_PER_TOKEN_MAX} may be`);
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return typeof value === "string" ? value : null;
}

/** As the worker says; it may say anything. */
function hostOf({ headers }: IncomingMessage): string | null {
  const told = readableHost(headerOf(headers, WORKER_HOST_HEADER) ?? "");
  return told === "" ? null : told.slice(0, WORKER_HOST_LENGTH_MAX);
}

/** What is known of a session over its connections. */
function remembered(memories: Map<string, { upTo: number }>, session: string): { upTo: number } {
  const memory = memories.get(session) ?? { upTo: 0 };
  memories.delete(session);
  memories.set(session, memory);
  const [oldest] = memories.keys();
  if (memories.size > REMEMBERED_MAX && oldest !== undefined) memories.delete(oldest);
  return memory;
}

/** A problem as the answer to an upgrade, on the bare socket. */
function refuse(socket: Duplex, { status, headers: own, text }: PlainAnswer): void {
  const body = text ?? "";
  // Whoever is refused and does not hang up would keep the socket for ever: no time limit of the server looks at it any more.
  socket.once("finish", () => socket.destroy());
  const headers = Object.entries(own)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`);
}
