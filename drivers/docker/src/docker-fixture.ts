/** For tests: a data folder of its own, and clients of it on a real engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers";
import { fileLogStore } from "@windlass/files";
import type { Clock, Executor, LogStore, Stream } from "@windlass/ports";
import type { ContainerServer } from "@windlass/testkit";
import { dockerExecutor, type DockerExecutorOptions } from "./docker-executor.ts";

export interface DockerFixture {
  readonly folder: string;
  readonly logs: LogStore;
  readonly clock: Clock;
  connect(more?: Partial<DockerExecutorOptions>): Executor;
  readLog(jobId: string, attempt: number, stream: Stream): Promise<Buffer>;
  close(): Promise<void>;
}

const LOG_BYTES_MAX = 100_000_000;
const PAGE_BYTES = 16_777_216;
let places = 0;

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = after(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export function dockerFixture(server: ContainerServer): DockerFixture {
  const folder = mkdtempSync(join(tmpdir(), "windlass-docker-"));
  const logs = fileLogStore({ folder, bytesMax: LOG_BYTES_MAX, clock: realClock });
  const place = `place-${process.pid}-${++places}`;
  return {
    folder,
    logs,
    clock: realClock,
    connect: (more) =>
      dockerExecutor({
        ...{ folder, place, logs, clock: realClock, host: server.host, environment: {}, runningMax: 100, hostPaths: [] },
        logBytesMax: LOG_BYTES_MAX,
        ...more,
      }),
    readLog: async (jobId, attempt, stream) => {
      const parts: Uint8Array[] = [];
      for (let after: string | undefined; ;) {
        const slice = await logs.read({ jobId, attempt }, { stream, bytesMax: PAGE_BYTES, ...(after === undefined ? {} : { after }) });
        parts.push(...slice.chunks.map(({ data }) => data));
        if (!slice.more) return Buffer.concat(parts);
        after = slice.position;
      }
    },
    close: async () => {
      const ids = await server.command("ps", "--all", "--quiet", "--filter", `label=windlass.dev/place=${place}`);
      for (const id of ids.split("\n"))
        if (id !== "") await server.command("rm", "--force", ...(server.name === "podman" ? ["--time", "0"] : []), id);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
