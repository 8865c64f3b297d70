/** `/healthz`, `/readyz` and `/metrics` of the watcher, for the cluster that runs it. Nothing of them is secret. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WindlassError } from "@windlass/kernel";
import type { ClusterWatcher } from "./cluster-watcher.ts";

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function statusServer(
  watcher: Pick<ClusterWatcher, "metrics" | "state">,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = "application/json"): void => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    const state = watcher.state();
    switch (request.url?.split("?")[0]) {
      case "/healthz":
        return answer(200, JSON.stringify({ status: "ok" }));
      case "/readyz":
        return answer(state.isReady ? 200 : 503, JSON.stringify(state));
      case "/metrics":
        watcher.metrics.text().then(
          (text) => answer(200, text, watcher.metrics.contentType),
          () => answer(500, ""),
        );
        return;
      default:
        return answer(404, JSON.stringify({ paths: ["/healthz", "/readyz", "/metrics"] }));
    }
  });
  await listening(server, { host, port });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new WindlassError("port_in_use", `the figures of the watcher cannot be served on ${host}:${port}: ${error.message}`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
}
