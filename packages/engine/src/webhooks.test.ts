/** Webhooks on a clock that only moves when told, and a receiver that does as it is told. */
import { createHmac } from "node:crypto";
import type { Delivery, WebhookFilter } from "@windlass/kernel";
import type { Outbound, OutboundAnswer, OutboundCall, Store } from "@windlass/ports";
import { describe, expect, test } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";

const everything: WebhookFilter = { types: [], kinds: [], names: [], outcomes: [], labels: {} };
const id = { workspace: "default", name: "chat" };
const URL_OF_CHAT = "https://chat.example/hook";

interface Receiver extends Outbound {
  readonly calls: OutboundCall[];
  /** What the next calls come to: a status, or an error; 204 when there is nothing left. */
  readonly plan: (number | Error)[];
  /** From now on, where there is no plan. */
  usual: number | Error;
}

function receiver(): Receiver {
  const made: Receiver = {
    calls: [],
    plan: [],
    usual: 204,
    fault: (url) => (url.startsWith("https://") ? null : "it is no address"),
    async post(call) {
      made.calls.push(call);
      const next = made.plan.shift() ?? made.usual;
      if (next instanceof Error) throw next;
      return { status: next, text: next >= 400 ? "no" : "" };
    },
  };
  return made;
}

interface Site extends EngineFixture {
  readonly to: Receiver;
  readonly make: (filter?: Partial<WebhookFilter>, name?: string) => Promise<void>;
  readonly names: () => string[];
  readonly deliveries: (state?: Delivery["state"]) => Promise<readonly Delivery[]>;
}

async function site(wrap: (store: Store) => Store = (same) => same): Promise<Site> {
  const to = receiver();
  const fixture = await engineFixture({ outbound: to, wrap });
  await fixture.engine.start();
  return {
    ...fixture,
    to,
    make: async (filter = {}, name = "chat") => {
      await fixture.engine.webhooks.create({ ...id, name }, { url: URL_OF_CHAT, filter: { ...everything, ...filter } }, "ann");
    },
    names: () => to.calls.map(({ body }) => (JSON.parse(body) as { data: { job: { name: string } } }).data.job.name),
    deliveries: (state) =>
      fixture.engine.webhooks.deliveries({ workspace: "default", webhook: "chat", state, order: "oldest", limit: 500 }),
  };
}

const keyOf = (signingSecret: string): Buffer => Buffer.from(signingSecret.replace(/^whsec_/u, ""), "base64");

function signatureBy(signingSecret: string, { headers, body }: OutboundCall): string {
  const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return `v1,${createHmac("sha256", keyOf(signingSecret)).update(text).digest("base64")}`;
}

test("events from now on are told in their order, each once, signed over id, time and body", async () => {
  const { engine, to, submit, clock, close } = await site();
  await submit({ name: "before" });
  const { signingSecret } = await engine.webhooks.create(id, { url: URL_OF_CHAT, filter: everything }, "ann");
  for (const name of ["a", "b", "c"]) await submit({ name });
  await clock.advance(3_000);
  const bodies = to.calls.map(({ body }) => JSON.parse(body) as { type: string; data: { job: { name: string } } });
  expect(bodies.map(({ type, data }) => `${type} ${data.job.name}`)).toEqual(["job.submitted a", "job.submitted b", "job.submitted c"]);
  const call = to.calls[0] ?? expect.fail("nobody was called");
  const { headers, url } = call;
  expect(url).toBe(URL_OF_CHAT);
  expect(keyOf(signingSecret ?? "")).toHaveLength(24);
  expect(headers["webhook-signature"]).toBe(signatureBy(signingSecret ?? "", call));
  expect(Math.abs(Number(headers["webhook-timestamp"]) * 1000 - clock.now())).toBeLessThan(4_000);
  await close();
});

test("of two that make it at once, one is told that there is one, and the secret is that of the other", async () => {
  const { engine, to, outcome, close } = await site();
  const create = () => engine.webhooks.create(id, { url: URL_OF_CHAT, filter: everything }, "ann");
  const made = await outcome(Promise.allSettled([create(), create()]));
  const secrets = made.flatMap((one) => (one.status === "fulfilled" ? [one.value.signingSecret ?? ""] : []));
  expect(made.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []))).toMatchObject([{ code: "conflict" }]);
  await outcome(engine.webhooks.test("default", "chat"));
  const call = to.calls[0] ?? expect.fail("nobody was called");
  expect(secrets.map((secret) => call.headers["webhook-signature"] === signatureBy(secret, call))).toEqual([true]);
  await close();
});

test("one whose secret could not be kept is not there: the others are told as before, and who tries again finds its name free", async () => {
  let isFull = false;
  const { engine, to, outcome, close } = await site((store) => ({
    ...store,
    secrets: { ...store.secrets, put: (secret) => (isFull ? Promise.reject(new Error("the disk is full")) : store.secrets.put(secret)) },
  }));
  const create = (name: string) => engine.webhooks.create({ ...id, name }, { url: URL_OF_CHAT, filter: everything }, "ann");
  const first = await create("first");
  isFull = true;
  await expect(create("chat")).rejects.toThrow("the disk is full");
  isFull = false;
  expect(await engine.webhooks.list("default")).toEqual([first.webhook]);
  for (const { webhook, signingSecret } of [first, await create("chat")]) {
    await outcome(engine.webhooks.test("default", webhook.name));
    const call = to.calls.pop() ?? expect.fail("nobody was called");
    expect(call.headers["webhook-signature"]).toBe(signatureBy(signingSecret ?? "", call));
  }
  await close();
});

test("only what the filter lets through is told, and nothing of another workspace", async () => {
  const { make, names, submit, clock, engine, close } = await site();
  await make({ types: ["job.submitted"], names: ["wanted"], labels: { team: "core" } });
  await submit({ name: "wanted", labels: { team: "core" } });
  await submit({ name: "wanted" });
  await submit({ name: "other", labels: { team: "core" } });
  await engine.access.workspaces.create("acme", { id: "a", name: "a", permissions: new Set(), workspaces: null });
  await submit({ name: "wanted", labels: { team: "core" }, workspace: "acme" });
  await clock.advance(3_000);
  expect(names()).toEqual(["wanted"]);
  await close();
});

describe("a receiver that does not take it", () => {
  test("is told again later under the same id, and nothing overtakes", async () => {
    const { make, names, to, submit, clock, deliveries, close } = await site();
    await make();
    to.plan.push(503, new Error("ECONNREFUSED"));
    for (const name of ["a", "b"]) await submit({ name });
    await clock.advance(20_000);
    expect(names()).toEqual(["a", "a", "a", "b"]);
    expect(new Set(to.calls.slice(0, 3).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect((await deliveries("delivered")).map(({ tries, lastStatus }) => [tries, lastStatus])).toEqual([
      [3, 204],
      [1, 204],
    ]);
    await close();
  });

  test("for an hour is not told this one any more but the next; what was given up can be sent again", async () => {
    const { make, names, to, submit, clock, deliveries, engine, close } = await site();
    await make();
    to.usual = 500;
    for (const name of ["a", "b"]) await submit({ name });
    await clock.until(async () => (await deliveries("dead")).length === 1, 2 * 3_600_000);
    expect((await deliveries("dead")).map(({ lastError }) => lastError)).toEqual(["it answered 500: no"]);
    to.usual = 204;
    await clock.advance(15_000);
    expect(names().at(-1)).toBe("b");
    const sentBefore = to.calls.length;
    expect(await engine.webhooks.redrive("default", "chat", null)).toBe(1);
    await clock.advance(3_000);
    expect(names().slice(sentBefore)).toEqual(["a"]);
    expect(to.calls.at(-1)?.headers["webhook-id"]).toBe(to.calls[0]?.headers["webhook-id"]);
    await close();
  }, 30_000);

  test("for a day is paused, and goes on where it was once somebody lets it", async () => {
    const { make, names, to, submit, clock, store, engine, close } = await site();
    await make();
    to.usual = 500;
    await submit({ name: "a" });
    await clock.advance(500);
    expect((await engine.webhooks.get("default", "chat")).failingSince).not.toBeNull();
    await store.webhooks.mark(id, { failingSince: clock.now() - 24 * 3_600_000, pausedAt: null });
    await clock.advance(5_000);
    expect(await engine.webhooks.get("default", "chat")).toMatchObject({ paused: true, pausedBy: "windlass" });
    const sentBefore = to.calls.length;
    await submit({ name: "meanwhile" });
    await clock.advance(60_000);
    expect(to.calls).toHaveLength(sentBefore);
    to.usual = 204;
    await engine.webhooks.update(id, { paused: false }, { by: "ann", expected: null });
    await clock.advance(60_000);
    expect(names().slice(sentBefore)).toEqual(["a", "meanwhile"]);
    expect(await engine.webhooks.get("default", "chat")).toMatchObject({ paused: false, failingSince: null });
    await close();
  });

  test("and says when to come back is left alone until then", async () => {
    const { make, to, submit, clock, close } = await site();
    await make();
    const post = to.post.bind(to);
    const answers = ["40", new Date(clock.now() + 90_000).toUTCString(), "soon"];
    Object.assign(to, { post: async (call: OutboundCall) => ({ ...(await post(call)), retryAfter: answers.shift() }) });
    to.plan.push(503, 429, 503);
    await submit({ name: "a" });
    for (const [ms, calls] of [
      [30_000, 1],
      [15_000, 2],
      [30_000, 2],
      [20_000, 3],
      [10_000, 4],
    ] as const) {
      await clock.advance(ms);
      expect(to.calls).toHaveLength(calls);
    }
    await close();
  });

  test("holds up no other webhook", async () => {
    const { make, to, submit, clock, close } = await site();
    await make({}, "deaf");
    await make({}, "quick");
    const post = to.post.bind(to);
    let answer = (_: OutboundAnswer): void => {};
    const silence = new Promise<OutboundAnswer>((resolve) => {
      answer = resolve;
    });
    let calls = 0;
    Object.assign(to, { post: (call: OutboundCall) => (calls++ === 0 ? silence : post(call)) });
    await submit({ name: "a" });
    await clock.advance(3_000);
    expect(to.calls).toHaveLength(1);
    answer({ status: 204, text: "" });
    await close();
  });
});

test("what was told and not recorded is told again under the same id", async () => {
  let deaf = true;
  const { make, to, submit, clock, close } = await site((store) => ({
    ...store,
    webhooks: {
      ...store.webhooks,
      record: async (delivery) => {
        if (!deaf) return store.webhooks.record(delivery);
        deaf = false;
        throw new Error("the process dies here");
      },
    },
  }));
  await make();
  await submit({ name: "a" });
  await clock.advance(5_000);
  expect(to.calls).toHaveLength(2);
  expect(to.calls[1]?.headers["webhook-id"]).toBe(to.calls[0]?.headers["webhook-id"]);
  expect(to.calls[1]?.body).toBe(to.calls[0]?.body);
  await close();
});

test("a thousand events are told, though few lie ahead at a time", async () => {
  const { make, names, submit, clock, close } = await site();
  await make();
  for (let n = 0; n < 1_000; n++) await submit({ name: `n${n}` });
  await clock.until(async () => names().length === 1_000, 60_000);
  expect(names()).toEqual(Array.from({ length: 1_000 }, (_, n) => `n${n}`));
  await close();
});

test("where there are no webhooks, and where all are paused, no event is read and nothing is told", async () => {
  let feeds = 0;
  const { engine, make, submit, clock, to, close } = await site((store) => ({
    ...store,
    reads: { ...store.reads, feed: (...given) => (feeds++, store.reads.feed(...given)) },
  }));
  await submit({ name: "a" });
  await clock.advance(60_000);
  expect(feeds).toBe(0);
  await make();
  await engine.webhooks.update(id, { paused: true }, { by: "ann", expected: null });
  await clock.advance(5_000);
  feeds = 0;
  await submit({ name: "b" });
  await clock.advance(60_000);
  expect(feeds).toBe(0);
  expect(to.calls).toEqual([]);
  await close();
});

test("a secret that is not there, an address that is none, a name that is taken are refused; a test message is sent at once", async () => {
  const { engine, to, make, outcome, close } = await site();
  const create = (request: object, name = "chat") =>
    engine.webhooks.create({ ...id, name }, { url: URL_OF_CHAT, filter: everything, ...request }, "ann");
  await expect(create({ secret: "none" })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "secret" }] });
  await expect(create({ url: "nowhere" }, "A b")).rejects.toMatchObject({ faults: [{ path: "name" }, { path: "url" }] });
  await make();
  await expect(create({})).rejects.toMatchObject({ code: "conflict" });
  to.plan.push(418);
  expect(await outcome(engine.webhooks.test("default", "chat"))).toMatchObject({ status: 418, error: "it answered 418: no" });
  expect(JSON.parse(to.calls[0]?.body ?? "")).toMatchObject({ type: "webhook.test" });
  await engine.secrets.unset({ workspace: "default", scope: "workspace", name: "webhook-chat" });
  expect(await outcome(engine.webhooks.test("default", "chat"))).toMatchObject({
    status: null,
    error: expect.stringContaining("webhook-chat"),
  });
  await expect(engine.webhooks.test("default", "chta")).rejects.toMatchObject({ message: expect.stringContaining("chat") });
  await close();
});
