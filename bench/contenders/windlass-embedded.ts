/** Windlass in the same process: SQLite with `synchronous = FULL` in a folder of its own, or PostgreSQL. Its own defaults. */
import { openEmbedded, type Embedded } from "@windlass/windlass";
import { temporaryFolder } from "../cleanup.ts";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING, type PostgresDatabase } from "../servers/postgres.ts";
import { batchesOfWindlass, JOB_OF_WINDLASS, type Contender, type OpenQueue } from "./contender.ts";

export const windlassEmbedded: Contender = {
  name: "windlass embedded",
  missing: () => null,
  open: () => open({}),
};

export const windlassPostgres: Contender = {
  name: "windlass postgres",
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  open: openOnPostgres,
};

export interface OpenWindlass extends OpenQueue {
  readonly windlass: Embedded;
  readonly folder: string;
  /** Removes the folder; `close` does so, too. */
  remove(): Promise<void>;
}

export async function openOnPostgres(): Promise<OpenWindlass> {
  return openOnDatabase(await postgresDatabase());
}

/** Which goes when it is closed. */
export async function openOnDatabase(database: PostgresDatabase): Promise<OpenWindlass> {
  const queue = await open({ url: database.url });
  return {
    ...queue,
    async close() {
      await queue.close();
      await database.drop();
    },
  };
}

/** On a folder of its own that is empty. */
export async function open({ url = "" }: { readonly url?: string }): Promise<OpenWindlass> {
  const { folder, remove } = temporaryFolder("windlass");
  const queue = await openOnFolder(folder, url);
  return {
    ...queue,
    remove,
    async close() {
      await queue.close();
      await remove();
    },
  };
}

/** On a folder that is there, and stays. */
export async function openOnFolder(folder: string, url = ""): Promise<OpenWindlass> {
  const windlass = await openEmbedded({ dataFolder: folder, settings: { "store.url": url } });
  const { jobs } = windlass.engine;
  return {
    windlass,
    folder,
    remove: async () => {},
    enqueue: async () => void (await jobs.submit(JOB_OF_WINDLASS)),
    async enqueueMany(count, tenants) {
      for (const batch of batchesOfWindlass(count, tenants)) {
        const submitted = await jobs.submitMany(batch);
        const refused = submitted.find((one) => one instanceof Error);
        if (refused !== undefined) throw refused;
      }
    },
    async work({ concurrency, onJob }) {
      const worker = await windlass.worker({ concurrency, handlers: { noop: onJob } });
      // A worker that stops waits until all results are stored.
      return { stored: () => worker.stop(), stop: () => worker.stop() };
    },
    close: () => windlass.close(),
  };
}
