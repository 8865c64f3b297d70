/** Windlass as a server in a process of its own (SQLite, its own defaults), asked through the SDK. */
import { startServer } from "../servers/windlass.ts";
import { batches, JOB_OF_WINDLASS, type Contender } from "./contender.ts";

export const windlassHttp: Contender = {
  name: "windlass http",
  missing: () => null,
  async open() {
    const server = await startServer();
    const { jobs } = server.client;
    return {
      enqueue: async () => void (await jobs.submit(JOB_OF_WINDLASS)),
      async enqueueMany(count) {
        for (const size of batches(count)) {
          const { results } = await jobs.submitMany({ jobs: Array.from({ length: size }, () => JOB_OF_WINDLASS) });
          const refused = results.find((one) => "problem" in one);
          if (refused !== undefined) throw new Error(JSON.stringify(refused));
        }
      },
      work() {
        throw new Error("workers over HTTP are not measured yet");
      },
      close: () => server.stop(),
    };
  },
};
