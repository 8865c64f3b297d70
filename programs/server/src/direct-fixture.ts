/** An app on a socket, for tests that want to know which calls went past the web framework (direct-door.ts). */
import type { IncomingMessage } from "node:http";
import type { WindlassApp } from "./create-app.ts";
import { listen, type Listening } from "./serve.ts";
import { clock } from "./server-fixture.ts";

export interface Noting {
  readonly listening: Listening;
  /** Of each request, in order. */
  readonly calls: { readonly path: string; readonly isDirect: boolean; readonly incoming: IncomingMessage }[];
}

export async function listenNoting(app: WindlassApp, drainMs = 500): Promise<Noting> {
  const calls: Noting["calls"] = [];
  const direct: WindlassApp["direct"] = (incoming, outgoing) => {
    const isDirect = app.direct(incoming, outgoing);
    calls.push({ path: incoming.url ?? "", isDirect, incoming });
    return isDirect;
  };
  return { listening: await listen({ ...app, direct }, { host: "127.0.0.1", port: 0, clock, drainMs }), calls };
}
