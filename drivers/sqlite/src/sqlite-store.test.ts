import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@windlass/ports";
import { storeContract } from "@windlass/testkit";
import { openSqliteStore } from "./sqlite-store.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

storeContract("SQLite in a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-sqlite-"));
  const store = await openSqliteStore({ path: join(folder, "windlass.db"), clock });
  return {
    store,
    async remove() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
