/** Webhooks as a stranger uses them: real servers on both stores, a real receiver, and a server that is killed at the worst moment. */
import { createHmac } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, type Stranger } from "../e2e/stranger.ts";

const postgres = testPostgres();
const MAY_CALL = { WINDLASS_HTTP_ALLOW: "loopback" };

describe("on SQLite", () => {
  suite(async () => []);
});

describe.skipIf(postgres.missing)("on PostgreSQL", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  suite(async () => ["--store", await postgres.schema()]);
});

interface Told {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Receiver {
  readonly url: string;
  readonly told: Told[];
  /** How each is answered; with 204 when there is nothing left. */
  readonly plan: ((response: ServerResponse) => void)[];
  /** Resolves once so many were told. */
  count(wanted: number): Promise<void>;
  close(): Promise<void>;
}

async function receiver(): Promise<Receiver> {
  const told: Told[] = [];
  const plan: Receiver["plan"] = [];
  const waiting = new Set<() => void>();
  const server: Server = createServer((request, response) => {
    void Array.fromAsync(request as AsyncIterable<Buffer>).then((pieces) => {
      told.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      (plan.shift() ?? ((one) => one.writeHead(204).end()))(response);
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    told,
    plan,
    count: (wanted) =>
      new Promise((resolve) => {
        const look = (): void => void (told.length >= wanted && (waiting.delete(look), resolve()));
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function suite(storeOf: () => Promise<readonly string[]>): void {
  let site: Stranger;
  let to: Receiver;
  let store: readonly string[] = [];
  beforeEach(async () => {
    [site, to, store] = [stranger(), await receiver(), await storeOf()];
  });
  afterEach(async () => {
    await site.leave();
    await to.close();
  });

  /** Runs a command that must go well; its JSON. */
  const asked = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await site.windlass("--json", ...args);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const run = (name: string): Promise<unknown> => asked("jobs", "submit", "--name", name, "--", "true");

  test("is made, told the ends of jobs with a signature that anybody can check, tried, paused, listed and deleted", async () => {
    await site.serverWith(MAY_CALL, ...store);
    const { signingSecret } = await asked("webhooks", "create", "chat", "--url", to.url, "--outcome", "succeeded");
    await run("one");
    await to.count(1);
    const { headers, body } = to.told[0] ?? expect.fail("nothing was told");
    const key = Buffer.from((signingSecret as string).replace(/^whsec_/u, ""), "base64");
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(JSON.parse(body)).toMatchObject({
      type: "job.finished",
      data: { job: { name: "one", kind: "task" }, event: { data: { outcome: "succeeded" } } },
    });
    expect((await site.windlass("webhooks", "test", "chat")).stdout).toMatch(/^Taken: 204 after \d+ ms\n$/u);
    expect(JSON.parse(to.told[1]?.body ?? "")).toMatchObject({ type: "webhook.test" });
    // What was told is recorded a moment later.
    await vi.waitFor(async () => {
      const { items } = await asked("webhooks", "deliveries", "chat");
      expect(items).toMatchObject([{ id: headers["webhook-id"], state: "delivered", tries: 1, lastStatus: 204, lastError: null }]);
    });
    await asked("webhooks", "update", "chat", "--pause", "--job-name", "two");
    await run("two");
    await run("three");
    expect(to.told).toHaveLength(2);
    expect((await site.windlass("webhooks", "list")).stdout).toContain("paused by admin");
    await asked("webhooks", "update", "chat", "--resume");
    await to.count(3);
    expect(JSON.parse(to.told[2]?.body ?? "")).toMatchObject({ data: { job: { name: "two" } } });
    await asked("webhooks", "delete", "chat");
    expect((await site.windlass("webhooks", "get", "chat")).code).toBe(3);
    expect((await site.windlass("audit", "list", "--json")).stdout).toContain("webhooks.create");
  });

  test("whose server is killed between telling and recording is told again by the next one, under the same id", async () => {
    const first = await site.serverWith(MAY_CALL, ...store);
    await asked("webhooks", "create", "chat", "--url", to.url);
    // It hears, and does not answer: nothing can be recorded yet.
    to.plan.push(() => {});
    await run("one");
    await to.count(1);
    first.kill("SIGKILL");
    await first.ended;
    await site.serverWith(MAY_CALL, ...store);
    await to.count(2);
    expect(to.told[1]?.headers["webhook-id"]).toBe(to.told[0]?.headers["webhook-id"]);
    expect(to.told[1]?.body).toBe(to.told[0]?.body);
    await run("two");
    await to.count(3);
    expect(JSON.parse(to.told[2]?.body ?? "")).toMatchObject({ data: { job: { name: "two" } } });
  });

  test("on this machine is refused where that is not allowed, also by a name that resolves to it later", async () => {
    await site.server(...store);
    const refused = await site.windlass("webhooks", "create", "chat", "--url", to.url);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("http.deny");
    expect(to.told).toHaveLength(0);
  });
}
