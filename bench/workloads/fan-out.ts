/**
 * Events to many listeners: 200 clients follow the events of all jobs over server-sent events while jobs are submitted.
 * The clients are in this process and share the machine with the server. Delay: from the time that the event carries
 * (when its change was decided) to its arrival at a client; both read the same clock.
 */
import { setTimeout as rest } from "node:timers/promises";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { startServer, type WindlassServer } from "../servers/windlass.ts";
import { percentile } from "./percentile.ts";

const CLIENTS = { full: 200, quick: 10 } as const;
const JOBS = { full: 500, quick: 20 } as const;
/** Jobs in one request: a listener may lag behind by a thousand events before it is told to read again. */
const AT_ONCE = 50;
/** So that nothing that was submitted before carries a time of the measurement. */
const GAP_MS = 20;

export const fanOut: Entrant = {
  name: "windlass http",
  missing: () => null,
  async measure(scale) {
    const server = await startServer();
    const before = server.memoryBytes();
    const count = JOBS[scale];
    const hall = openHall(server, { clients: CLIENTS[scale], count });
    await hall.listening;
    const from = performance.now();
    hall.begin();
    for (let i = 0; i < count; i += AT_ONCE)
      await server.client.jobs.submitMany({ jobs: Array.from({ length: Math.min(AT_ONCE, count - i) }, () => JOB_OF_WINDLASS) });
    await hall.all;
    const seconds = (performance.now() - from) / 1_000;
    const memory = server.memoryBytes() - before;
    await server.stop();
    return {
      delivered: hall.delays.length / seconds,
      p99: percentile(hall.delays, 0.99),
      memory: memory / 2 ** 20,
      "told to read again": hall.resets(),
    };
  },
};

interface Hall {
  /** Every client is connected. */
  readonly listening: Promise<void>;
  begin(): void;
  /** Every client has seen every job, or was told to read again. */
  readonly all: Promise<unknown>;
  readonly delays: readonly number[];
  resets(): number;
}

function openHall(server: WindlassServer, { clients, count }: { readonly clients: number; readonly count: number }): Hall {
  const delays: number[] = [];
  let resets = 0;
  let connected = 0;
  let begun = Infinity;
  const listen = async (): Promise<void> => {
    let seen = 0;
    let first = true;
    for await (const item of server.client.events.watch({ type: ["job.submitted"] })) {
      if (first) connected++;
      first = false;
      if (item.type === "reset") return void resets++;
      const at = Date.parse(item.event.at);
      if (at < begun) continue;
      delays.push(Date.now() - at);
      if (++seen === count) return;
    }
  };
  const all = Promise.all(Array.from({ length: clients }, listen));
  // A client is told nothing when it is connected: it is when it hears of a job.
  const call = async (): Promise<void> => {
    for (; connected < clients; await rest(GAP_MS)) await server.client.jobs.submit(JOB_OF_WINDLASS);
    await rest(GAP_MS);
  };
  return {
    listening: Promise.race([call(), all.then(() => {})]),
    begin: () => (begun = Date.now()),
    all,
    delays,
    resets: () => resets,
  };
}
