import { storeContract } from "@windlass/testkit";
import { realClock } from "@windlass/testkit/fakes";
import { openSqliteStore } from "./sqlite-store.ts";

storeContract("SQLite in memory", async () => {
  const store = await openSqliteStore({ path: ":memory:", clock: realClock });
  return { store, remove: () => store.close() };
});
