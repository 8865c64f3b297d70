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

storeContract("SQLite in memory", async () => {
  const store = await openSqliteStore({ path: ":memory:", clock });
  return { store, remove: () => store.close() };
});
