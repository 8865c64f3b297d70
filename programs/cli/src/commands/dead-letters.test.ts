import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { client, type Client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { plainStyle } from "../output/style.ts";
import type { Call } from "../tree/call.ts";
import { purgeAll, purgeDeadLetters, redriveAll, redriveDeadLetters } from "./dead-letters.ts";

let server: Server;
let there: Client;
let url = "";
const asked: unknown[] = [];
/** What is answered to each call, in turn; the last one to all that follow. */
let answers: readonly object[] = [];
/** As a server says that it cannot. */
const broken = { code: "internal", detail: "the disk is full" };

beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push(body);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      response.statusCode = answer === broken ? 500 : 200;
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  there = client({ url, token: "wl_none" });
});
afterEach(() => void server.close());

/** When the server began, as it says: the clock here is another. */
const begun = "2026-01-01T09:00:00.000Z";
const OURS = Date.parse("2026-01-01T10:07:00Z");
const answer = (ids: readonly string[], more: object = {}): object => ({
  items: ids.map((id) => ({ id, job: null, created: true })),
  more: false,
  left: [],
  fault: null,
  unseen: null,
  at: begun,
  ...more,
});

test("a redrive of many pages takes nothing that died after it began, or it would never end", async () => {
  answers = [answer(["job_1"], { more: true }), answer(["job_2"], { more: true }), answer(["job_3"])];
  const { items } = await redriveAll(there, { again: false, name: "a" }, () => OURS);
  expect(items.map(({ id }) => id)).toEqual(["job_1", "job_2", "job_3"]);
  // The first page reaches as far as the server's clock does, whatever ours says.
  expect(asked).toEqual([{ again: false, name: "a" }, ...[2, 3].map(() => ({ again: false, name: "a", until: begun }))]);
  const untilOf = async (until: string): Promise<unknown[]> => {
    asked.length = 0;
    await redriveAll(there, { again: false, until }, () => OURS);
    return asked.map((one) => (one as { readonly until?: string }).until);
  };
  expect(await untilOf("2025-01-01T00:00:00.000Z")).toEqual(Array(3).fill("2025-01-01T00:00:00.000Z"));
  // Nor where more was asked for than had died by then.
  expect(await untilOf("2027-01-01T00:00:00.000Z")).toEqual(["2027-01-01T00:00:00.000Z", begun, begun]);
});

test("each page of a redrive with a rate starts when those before it are under way", async () => {
  answers = [answer(["a", "b", "c", "d"], { more: true }), answer(["e", "f"], { more: true }), answer(["g"])];
  // Two seconds pass with each look at the clock.
  let now = OURS - 2_000;
  await redriveAll(there, { again: false, perSecond: 1 }, () => (now += 2_000));
  expect(asked.map((one) => (one as { readonly delaySeconds?: number }).delaySeconds)).toEqual([undefined, 2, 2]);
});

test.each([
  ["the broker took no more", answer(["a"], { more: true, fault: "it is away" })],
  ["nothing came of the last page", answer([], { more: true })],
])("a redrive ends, and says that there are more, where %s", async (_, last) => {
  answers = [answer(["x"], { more: true }), last];
  const { more } = await redriveAll(there, { again: false }, () => OURS);
  expect([more, asked.length]).toEqual([true, 2]);
});

test("what is struck off is added up over all pages, and the last one says what is left", async () => {
  const page = (removed: number, more: boolean): object => ({
    matched: 2,
    removed,
    more,
    fault: null,
    unseen: more ? null : "one",
    at: begun,
  });
  answers = [page(2, true), page(1, true), page(2, false)];
  expect(await purgeAll(there, { dryRun: false })).toMatchObject({
    matched: 6,
    removed: 5,
    more: false,
    fault: null,
    unseen: "one",
  });
  // By the server's clock: what died meanwhile nobody has seen.
  expect(asked).toEqual([{ dryRun: false }, ...[2, 3].map(() => ({ dryRun: false, until: begun }))]);
  asked.length = 0;
  const until = "2025-01-01T00:00:00.000Z";
  await purgeAll(there, { dryRun: false, until });
  expect(asked).toEqual(Array.from({ length: 3 }, () => ({ dryRun: false, until })));
  answers = [page(0, true)];
  asked.length = 0;
  expect(await purgeAll(there, { dryRun: false })).toMatchObject({ removed: 0, more: true });
  expect(asked).toHaveLength(1);
});

test("what was done is told, with what went wrong, where a later page fails", async () => {
  answers = [answer(["a", "b"], { more: true }), answer(["c"], { more: true }), broken];
  expect(await redriveAll(there, { again: false }, () => OURS)).toMatchObject({
    items: [{ id: "a" }, { id: "b" }, { id: "c" }],
    more: true,
    fault: expect.stringContaining("the disk is full"),
  });
  asked.length = 0;
  answers = [{ matched: 2, removed: 2, more: true, fault: null, unseen: null, at: begun }, broken];
  const sum = await purgeAll(there, { dryRun: false });
  expect(sum).toMatchObject({ matched: 2, removed: 2, more: true, unseen: null, fault: expect.stringContaining("the disk is full") });
  // Where nothing was done it is an error as any other.
  asked.length = 0;
  answers = [broken];
  await expect(redriveAll(there, { again: false }, () => OURS)).rejects.toThrow("the disk is full");
  await expect(purgeAll(there, { dryRun: false })).rejects.toThrow("the disk is full");
});

test("a purge ends with the page that was not done to its end", async () => {
  answers = [{ matched: 4, removed: 2, more: true, fault: "it went away", unseen: null, at: begun }];
  expect(await purgeAll(there, { dryRun: false })).toMatchObject({ matched: 4, removed: 2, fault: "it went away" });
  expect(asked).toHaveLength(1);
});

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `job_${i}`);

test("nothing is asked for later than the server allows; when its turn comes is told", async () => {
  answers = [answer(many(1_000), { more: true })];
  const { items, fault, more, againInSeconds } = await redriveAll(there, { again: false, perSecond: 1 / 60 }, () => OURS);
  expect(asked.map((one) => (one as { readonly delaySeconds?: number }).delaySeconds)).toEqual([undefined, 60_000]);
  expect([items.length, more, againInSeconds, fault]).toEqual([2_000, true, 120_000, expect.stringContaining("more than 1d")]);
});

test("a rate that ran out says when its next turn comes", async () => {
  answers = [answer(many(3), { more: true, fault: "it is held back for no longer" })];
  // Half a second passes with each look at the clock.
  let now = OURS;
  expect(await redriveAll(there, { again: false, perSecond: 0.1 }, () => (now += 500))).toMatchObject({ more: true, againInSeconds: 30 });
  asked.length = 0;
  expect(await redriveAll(there, { again: false }, () => OURS)).toMatchObject({ againInSeconds: 0 });
});

/** What a command says and ends with, at this server. */
async function told(perform: (call: Call) => Promise<number | void>, options: object): Promise<readonly [string, number | void]> {
  let text = "";
  const out = (more: string | Uint8Array): void => void (text += String(more));
  const code = await perform({
    args: [[]],
    format: "table",
    options: { server: url, token: "wl_none", ...options },
    typed: [],
    environment: {},
    terminal: { out, err: out, live: false, columns: 200, rows: 24, style: plainStyle, errStyle: plainStyle },
    onInterrupt: () => () => {},
  });
  return [text, code];
}

test.each([
  ["fewer were struck off than matched", { removed: 1 }, { text: /^1 struck off\n1 were not there any more/u, code: 1 }],
  [
    "its broker ends it",
    { removed: 1, fault: "it went away" },
    { text: /^1 struck off\nNot all of them .*: it went away; run it again/u, code: 1 },
  ],
  ["all were struck off", { removed: 2 }, { text: /^2 struck off\n$/u, code: undefined }],
])("a purge ends with what it came to: %s", async (_, more, { text, code }) => {
  answers = [{ matched: 2, more: false, fault: null, unseen: null, at: begun, ...more }];
  expect(await told(purgeDeadLetters, { all: true, yes: true })).toEqual([expect.stringMatching(text), code]);
});

test("who redrives at a rate that ran out is told when to run it again", async () => {
  answers = [answer(many(3), { more: true, fault: "it is held back for no longer" })];
  const rate = { limit: 1, perSeconds: 3_600 };
  const [text, code] = await told(redriveDeadLetters, { all: true, rate });
  expect([text, code]).toEqual([
    expect.stringMatching(/^3 redriven\n.*for no longer; run it again in (?:3h|2h.*), when these are under way/u),
    1,
  ]);
});
