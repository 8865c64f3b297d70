import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { client, type Client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { purgeAll, redriveAll } from "./dead-letters.ts";

let server: Server;
let there: Client;
const asked: unknown[] = [];
/** What is answered to each call, in turn; the last one to all that follow. */
let answers: readonly object[] = [];

beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push(body);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  there = client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "wl_none" });
});
afterEach(() => void server.close());

const answer = (ids: readonly string[], more: object = {}): object => ({
  items: ids.map((id) => ({ id, job: null, created: true })),
  more: false,
  left: [],
  fault: null,
  unseen: null,
  ...more,
});
const BEGUN = Date.parse("2026-01-01T09:00:00Z");
const begun = new Date(BEGUN).toISOString();

test("a redrive of many pages takes nothing that died after it began, or it would never end", async () => {
  answers = [answer(["job_1"], { more: true }), answer(["job_2"], { more: true }), answer(["job_3"])];
  const { items } = await redriveAll(there, { again: false, name: "a" }, () => BEGUN);
  expect(items.map(({ id }) => id)).toEqual(["job_1", "job_2", "job_3"]);
  // The first page reaches as far as the server's clock does, whatever ours says.
  expect(asked).toEqual([{ again: false, name: "a" }, ...[2, 3].map(() => ({ again: false, name: "a", until: begun }))]);
  asked.length = 0;
  await redriveAll(there, { again: false, until: "2025-01-01T00:00:00Z" }, () => BEGUN);
  expect(new Set(asked.map((one) => (one as { readonly until?: string }).until))).toEqual(new Set(["2025-01-01T00:00:00Z"]));
});

test("each page of a redrive with a rate starts when those before it are under way", async () => {
  answers = [answer(["a", "b", "c", "d"], { more: true }), answer(["e", "f"], { more: true }), answer(["g"])];
  // Two seconds pass with each look at the clock.
  let now = BEGUN - 2_000;
  await redriveAll(there, { again: false, perSecond: 1 }, () => (now += 2_000));
  expect(asked.map((one) => (one as { readonly delaySeconds?: number }).delaySeconds)).toEqual([undefined, 2, 2]);
});

test.each([
  ["the broker took no more", answer(["a"], { more: true, fault: "it is away" })],
  ["nothing came of the last page", answer([], { more: true })],
])("a redrive ends, and says that there are more, where %s", async (_, last) => {
  answers = [answer(["x"], { more: true }), last];
  const { more } = await redriveAll(there, { again: false }, () => BEGUN);
  expect([more, asked.length]).toEqual([true, 2]);
});

test("what is struck off is added up over all pages, and the last one says what is left", async () => {
  const page = (removed: number, more: boolean): object => ({ matched: 2, removed, more, unseen: more ? null : "one" });
  answers = [page(2, true), page(1, true), page(2, false)];
  expect(await purgeAll(there, { dryRun: false })).toEqual({ matched: 6, removed: 5, more: false, unseen: "one" });
  answers = [page(0, true)];
  asked.length = 0;
  expect(await purgeAll(there, { dryRun: false })).toMatchObject({ removed: 0, more: true });
  expect(asked).toHaveLength(1);
});
