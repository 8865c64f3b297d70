/** A worker at a server that says what a test wants it to say, and when. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ServerMessage } from "@windlass/contract";
import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { WorkerCore, type CoreOptions } from "./worker-core.ts";
import { machine } from "./worker-machine.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const TTL_MS = 30_000;

/** Gives each worker that says hello a session of its own, in which it holds nothing. */
async function serving() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const lines: { readonly say: (...frames: (readonly ServerMessage[])[]) => void }[] = [];
  server.on("connection", (socket: WebSocket, { socket: wire }) => {
    let seq = 0;
    const say = (...frames: (readonly ServerMessage[])[]): void => {
      // As one piece: what lies on a line comes so when nobody has taken it for a while.
      wire.cork();
      for (const messages of frames) socket.send(JSON.stringify({ seq: ++seq, messages }));
      wire.uncork();
    };
    socket.once("message", () => say([{ type: "welcome", session: `ses_${lines.length}`, resumed: false, ttlMs: TTL_MS, held: [] }]));
    lines.push({ say });
  });
  await once(server, "listening");
  closing.push(async () => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines };
}

const jobs = (...ids: readonly string[]): ServerMessage => ({
  type: "jobs",
  jobs: ids.map((id) => ({ id, token: 1, attempt: 1, name: id, handler: "work", input: null, labels: {} })),
});

/** Frozen for so long, as far as it knows, when that is set. */
async function working({ concurrency, handlers }: Pick<CoreOptions, "concurrency" | "handlers">) {
  const { url, lines } = await serving();
  const frozen = { ms: 0 };
  const core = new WorkerCore({
    ...{ server: () => ({ url, token: undefined }), workspace: undefined, queues: ["default"], drainMs: 0, concurrency, handlers },
    ...{ sessionTtlMs: TTL_MS, keepsSession: false, tracing: null, notice: () => {} },
    machine: { ...machine, monotonic: () => machine.monotonic() + frozen.ms },
  });
  closing.push(() => core.leave());
  await core.welcomed;
  const again = () => vi.waitFor(() => expect([lines.length, core.connected]).toEqual([2, true]));
  return { lines, frozen, again };
}

describe("a worker that was frozen for longer than its session", () => {
  test("begins nothing of what it finds on its line: others may have it", async () => {
    const begun: string[] = [];
    const { lines, frozen, again } = await working({ concurrency: 10, handlers: { work: ({ jobId }) => void begun.push(jobId) } });
    frozen.ms = TTL_MS;
    lines[0]?.say([jobs("in the first frame"), jobs("behind it in the same frame")], [jobs("in the next frame")]);
    await again();
    lines[1]?.say([jobs("of the new session")]);
    await vi.waitFor(() => expect(begun).toContain("of the new session"));
    expect(begun).toEqual(["of the new session"]);
  });

  test("begins nothing of what it has read ahead", async () => {
    const begun: string[] = [];
    const goes = Promise.withResolvers<void>();
    const { lines, frozen, again } = await working({
      concurrency: 1,
      handlers: {
        async work({ jobId }) {
          begun.push(jobId);
          await goes.promise;
        },
      },
    });
    lines[0]?.say([jobs("held", "read ahead")]);
    await vi.waitFor(() => expect(begun).toEqual(["held"]));
    frozen.ms = TTL_MS;
    goes.resolve();
    await again();
    expect(begun).toEqual(["held"]);
  });
});
