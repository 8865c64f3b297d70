import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { client } from "@windlass/sdk";
import { expect, test } from "vitest";
import { redriveAll } from "./dead-letters.ts";

test("a redrive of many pages takes nothing that died after it began, or it would never end", async () => {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push(body);
      const answer = { items: [{ id: `job_${asked.length}`, job: null, created: true }], more: asked.length < 3 };
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const there = client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "wl_none" });
  const begun = "2026-01-01T09:00:00.000Z";
  const items = await redriveAll(there, { again: false, name: "a" }, begun);
  expect(items.map(({ id }) => id)).toEqual(["job_1", "job_2", "job_3"]);
  // The first page reaches as far as the server's clock does, whatever ours says.
  expect(asked).toEqual([{ again: false, name: "a" }, ...[2, 3].map(() => ({ again: false, name: "a", until: begun }))]);
  asked.length = 0;
  await redriveAll(there, { again: false, until: "2025-01-01T00:00:00Z" }, begun);
  expect(new Set(asked.map((one) => (one as { readonly until?: string }).until))).toEqual(new Set(["2025-01-01T00:00:00Z"]));
  server.close();
});
