import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "@windlass/testkit";
import { realClock } from "@windlass/testkit/fakes";
import { openSqliteStore } from "./sqlite-store.ts";

storeContract("SQLite in a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-sqlite-"));
  const store = await openSqliteStore({ path: join(folder, "windlass.db"), clock: realClock });
  return {
    store,
    async remove() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
