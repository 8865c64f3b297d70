/**
 * For tests: the line between workers and a server, as a proxy that can be cut, be partitioned (nothing comes through and
 * nobody is told), be slow, and spoil what goes over it.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

export interface Line {
  readonly url: string;
  /** Connections that were made so far. */
  readonly made: () => number;
  /** Ends every connection. */
  cut(): void;
  /** From now on nothing comes through, and no connection is ended. */
  partition(): void;
  /** Refuses new connections. */
  down(): void;
  /** All is well again; what was held back meanwhile is lost with its connection. */
  heal(): void;
  /** New connections go there. */
  redirect(port: number): void;
  close(): Promise<void>;
}

export async function line(given: { readonly port: number; readonly delayMs?: number }): Promise<Line> {
  let [port, state, made]: [number, "well" | "apart" | "down", number] = [given.port, "well", 0];
  const pairs = new Set<readonly [Socket, Socket]>();
  const pass = (from: Socket, to: Socket): void => {
    from.on("data", (bytes) => {
      if (state === "apart") return;
      if (given.delayMs === undefined) to.write(bytes);
      else setTimeout(() => to.writable && to.write(bytes), given.delayMs);
    });
    // In a partition nobody learns of an end.
    from.on("close", () => state !== "apart" && to.destroy());
    from.on("error", () => {});
  };
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  const server = createServer((near) => {
    if (state === "down") {
      near.destroy();
      return;
    }
    made++;
    const far = connect(port, "127.0.0.1");
    pairs.add([near, far]);
    pass(near, far);
    pass(far, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    made: () => made,
    cut,
    partition: () => void (state = "apart"),
    down: () => void (state = "down"),
    heal: () => {
      state = "well";
      cut();
    },
    redirect: (other) => void (port = other),
    async close() {
      state = "down";
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

/** What becomes of a frame on its way: these frames arrive, in this order. */
export type Spoil = (frame: string, direction: "to server" | "to worker") => readonly string[];

/** A line that knows frames: each is given to `spoil`. */
export async function spoiledLine(port: number, spoil: Spoil): Promise<{ readonly url: string; close(): Promise<void> }> {
  const http = createHttpServer();
  const near = new WebSocketServer({ server: http, perMessageDeflate: false });
  near.on("connection", (worker, request) => {
    const { authorization = "" } = request.headers;
    const server = new WebSocket(`ws://127.0.0.1:${port}${request.url}`, { headers: { authorization }, perMessageDeflate: false });
    const opened = once(server, "open");
    worker.on("message", (data) => {
      void opened.then(() => {
        for (const frame of spoil((data as Buffer).toString(), "to server")) server.send(frame);
      });
    });
    server.on("message", (data) => {
      for (const frame of spoil((data as Buffer).toString(), "to worker")) worker.send(frame);
    });
    worker.on("close", () => server.terminate());
    server.on("close", () => worker.terminate());
    server.on("error", () => worker.terminate());
    opened.catch(() => {});
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      for (const client of near.clients) client.terminate();
      http.close();
      await once(http, "close");
    },
  };
}
