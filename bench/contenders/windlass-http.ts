/** Windlass as a server in a process of its own (SQLite, its own defaults), asked through the SDK; the worker is in this process. */
import { worker } from "@windlass/sdk";
import { startServer } from "../servers/windlass.ts";
import { batchesOfWindlass, JOB_OF_WINDLASS, type Contender } from "./contender.ts";

export const windlassHttp: Contender = {
  name: "windlass http",
  missing: () => null,
  async open() {
    const server = await startServer();
    const { jobs } = server.client;
    return {
      enqueue: async () => void (await jobs.submit(JOB_OF_WINDLASS)),
      async enqueueMany(count, tenants) {
        for (const batch of batchesOfWindlass(count, tenants)) {
          const { results } = await jobs.submitMany({ jobs: batch });
          const refused = results.find((one) => "problem" in one);
          if (refused !== undefined) throw new Error(JSON.stringify(refused));
        }
      },
      async work({ concurrency, onJob }) {
        const { url, token } = server;
        const hands = worker({ url, token, concurrency, handlers: { noop: onJob } });
        await hands.start();
        // It keeps its results until the server has accepted them, and stops when that is so.
        return { stored: () => hands.stop(), stop: () => hands.stop() };
      },
      close: () => server.stop(),
    };
  },
};
