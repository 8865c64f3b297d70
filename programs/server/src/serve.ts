/**
 * The server on a socket.
 *
 * S1. `close` refuses new requests, ends streams, lets requests that are under way finish for a while, and then cuts them.
 * S2. When `close` has resolved, the port is free.
 */
import { getRequestListener } from "@hono/node-server";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WindlassError } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import type { WindlassApp } from "./create-app.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: Clock;
  /** How long requests may take to finish when the server closes. */
  readonly drainMs?: number;
  /**
   * True in a process that does nothing else: `Request` and `Response` are replaced by lighter ones, for a quarter of the
   * time that a request takes.
   */
  readonly ownsProcess?: boolean;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const DRAIN_MS = 5_000;
/** How often a closing server looks for connections that have become idle. */
const SWEEP_MS = 50;
/** Address and headers of a request together; tokens and positions are short. Beyond it the answer is 431. */
const HEAD_BYTES_MAX = 16_384;
/** A request whose head takes longer than this is somebody holding the door. */
const HEAD_MS = 10_000;

/** Throws `port_in_use`. */
export async function listen(app: WindlassApp, { host, port, clock, drainMs, ownsProcess }: ListenOptions): Promise<Listening> {
  const byFetch = getRequestListener((request, { incoming }) => app.fetch(request, incoming.socket.remoteAddress ?? null), {
    overrideGlobalObjects: ownsProcess ?? false,
  });
  const server = createServer({
    ...{ maxHeaderSize: HEAD_BYTES_MAX, headersTimeout: HEAD_MS, keepAliveTimeout: 30_000, requireHostHeader: true },
    // Some clients offer another protocol with each request (h2c); who is not taken up on it is answered as usual.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  });
  server.on("request", (incoming, outgoing) => {
    if (!app.direct(incoming, outgoing)) void byFetch(incoming, outgoing);
  });
  server.on("upgrade", (request, socket, head) => app.workers.upgrade(request, socket, head));
  await bound(server, { host, port });
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${host}]` : host;
  let closed: Promise<void> | null = null;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () => (closed ??= close({ app, server, clock, drainMs: drainMs ?? DRAIN_MS })),
  };
}

async function bound(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw refusalOf(error as NodeJS.ErrnoException, { host, port });
  }
}

function refusalOf(error: NodeJS.ErrnoException, { host, port }: { readonly host: string; readonly port: number }): WindlassError {
  const advice = "choose another with --port, or the setting server.port (WINDLASS_SERVER_PORT); 0 takes a free one";
  if (error.code === "EADDRINUSE")
    return new WindlassError("port_in_use", `another program listens on ${host}:${port}; ${advice}`, { cause: error });
  if (error.code === "EACCES")
    return new WindlassError("port_in_use", `port ${port} may not be used by this user; ${advice}`, { cause: error });
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") {
    return new WindlassError(
      "port_in_use",
      `${host} is no address of this machine; correct the setting server.host (WINDLASS_SERVER_HOST)`,
      { cause: error },
    );
  }
  return new WindlassError("internal", `the server cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

async function close({
  app,
  server,
  clock,
  drainMs,
}: {
  readonly app: WindlassApp;
  readonly server: Server;
  readonly clock: Clock;
  readonly drainMs: number;
}): Promise<void> {
  const closed = app.close();
  const done = once(server, "close");
  server.close();
  // A connection whose last answer goes out only now would stay open, idle, until its time is over.
  let cancelSweep = (): void => {};
  const sweep = (): void => {
    server.closeIdleConnections();
    cancelSweep = clock.after(SWEEP_MS, sweep);
  };
  sweep();
  const cancel = clock.after(drainMs, () => server.closeAllConnections());
  await closed;
  await done;
  cancelSweep();
  cancel();
}
