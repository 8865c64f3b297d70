/** What a server costs that has nothing to do: processor time of all its threads, and its memory. */
import { setTimeout as rest } from "node:timers/promises";
import { worker } from "@windlass/sdk";
import type { Entrant } from "../row.ts";
import { startServer } from "../servers/windlass.ts";

const WATCHED_MS = { full: 30_000, quick: 500 } as const;
/** Starting is not idling: a server in which something has just happened looks more often (packages/engine/src/pace.ts). */
const SETTLE_MS = { full: 12_000, quick: 100 } as const;

/** With so many workers connected that have nothing to do either. */
export const idleServer = (workers: number): Entrant => ({
  name: workers === 0 ? "windlass http" : `windlass http, ${workers} workers`,
  missing: () => null,
  async measure(scale) {
    const server = await startServer();
    const { url, token } = server;
    const hands = Array.from({ length: workers }, () => worker({ url, token, handlers: { noop: () => {} } }));
    await Promise.all(hands.map((one) => one.start()));
    await rest(SETTLE_MS[scale]);
    const [cpu, from] = [server.cpuMs(), performance.now()];
    await rest(WATCHED_MS[scale]);
    const used = server.cpuMs() - cpu;
    const passed = performance.now() - from;
    const memory = server.memoryBytes();
    await Promise.all(hands.map((one) => one.stop()));
    await server.stop();
    return { "of a core": (100 * used) / passed, memory: memory / 2 ** 20 };
  },
});
