import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { plainStyle } from "../output/style.ts";
import type { Call } from "../tree/call.ts";
import { moveQueue, purgeQueue } from "./sweep-queue.ts";

let server: Server;
let url = "";
const asked: unknown[] = [];
/** What is answered to each call, in turn. */
let answers: object[] = [];

beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push(body);
      response.setHeader("content-type", "application/json").end(JSON.stringify(answers.shift()));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close());

/** What a command says at this server. */
async function told(perform: (call: Call) => Promise<void>, args: Call["args"], options: object): Promise<string> {
  let text = "";
  const out = (more: string | Uint8Array): void => void (text += String(more));
  await perform({
    args,
    format: "table",
    options: { server: url, token: "wl_none", ...options },
    typed: [],
    environment: {},
    terminal: { out, err: out, live: false, columns: 200, rows: 24, style: plainStyle, errStyle: plainStyle },
    onInterrupt: () => () => {},
  });
  return text;
}

test("a purge goes on where a batch ended, though it did nothing, and counts each step once", async () => {
  answers = [
    { matched: 100, done: 0, steps: 100, more: true, nextCursor: "job_1" },
    { matched: 30, done: 20, steps: 10, more: true, nextCursor: "job_2" },
    { matched: 5, done: 5, steps: 0, more: false, nextCursor: null },
  ];
  expect(await told(purgeQueue, ["mail"], { yes: true, jobName: "a" })).toBe(
    "25 cancelled; 110 are steps, and are left to their executions\n",
  );
  const batch = { dryRun: false, remove: false, jobName: "a" };
  expect(asked).toEqual([batch, { ...batch, cursor: "job_1" }, { ...batch, cursor: "job_2" }]);
});

test("a preview asks once, and says that there may be more", async () => {
  answers = [{ matched: 100, done: 0, steps: 40, more: true, nextCursor: "job_1" }];
  expect(await told(purgeQueue, ["mail"], {})).toMatch(/^60 or more jobs would be cancelled; 40 are steps/u);
  answers = [{ matched: 100, done: 0, steps: 40, more: true, nextCursor: "job_1" }];
  expect(await told(moveQueue, ["mail", "slow"], { dryRun: true })).toBe("100 or more jobs would be moved from mail to slow\n");
  expect(asked).toHaveLength(2);
});

test("an older server, which tells no place, is asked again as long as it does something", async () => {
  answers = [10, 5, 0].map((done) => ({ matched: 10, done, steps: 0, more: true }));
  expect(await told(moveQueue, ["mail", "slow"], {})).toBe("15 moved from mail to slow\n");
  expect(asked).toEqual([1, 2, 3].map(() => ({ to: "slow", dryRun: false })));
});
