/** Other systems put work in by a queue: a real server, a real NATS between. */
import { openNatsNotices } from "@windlass/nats";
import type { Notices } from "@windlass/ports";
import { realClock, seededRandom, testNats, type NatsServer } from "@windlass/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, workflowOf, type Stranger } from "./stranger.ts";

const nats = testNats();
const PATIENCE = { timeout: 60_000, interval: 200 };
const KEY = Buffer.alloc(32, 7).toString("base64");

describe.skipIf(nats.missing)("notices over NATS", () => {
  let broker: NatsServer;
  let here: Stranger;
  let queue: Notices;

  beforeEach(async () => {
    broker = await nats.start();
    here = stranger();
    queue = await openNatsNotices({
      url: broker.url,
      name: "windlass",
      visibilityMs: 300_000,
      attemptsMax: 10,
      clock: realClock,
      random: seededRandom(1),
    });
  });
  afterEach(async () => {
    await here.leave();
    await queue.close();
    await broker.stop();
  });

  const bodyOf = (workflow: string): string =>
    JSON.stringify({
      version: 1,
      type: "execution",
      workflow_id: workflow,
      nominal_time: "2026-01-31T09:00:00Z",
      trigger_type: "event",
      sent_at: "2026-01-31T09:00:00Z",
    });
  const namesOf = async (state: string): Promise<readonly string[]> => {
    const { stdout } = await here.windlass("jobs", "list", "--state", state, "--json");
    return (JSON.parse(stdout) as { items: { name: string }[] }).items.map(({ name }) => name).toSorted();
  };

  test("each runs its workflow once, and what cannot be followed is a dead letter", async () => {
    await here.serverWith({ WINDLASS_NOTICES_URL: broker.url, WINDLASS_NOTICES_SIGNING: "off" });
    for (const name of ["first", "second"]) {
      here.write(`${name}.yaml`, workflowOf(name, "true"));
      expect((await here.windlass("workflows", "apply", `${name}.yaml`)).code).toBe(0);
    }
    const send = (id: string, body: string) => queue.send([{ id, body, attributes: {} }]);
    await send("a", bodyOf("first"));
    await send("b", "no JSON");
    await send("c", bodyOf("nobody"));
    await send("d", bodyOf("second"));
    await vi.waitFor(async () => expect(await namesOf("succeeded")).toEqual(["first", "second"]), PATIENCE);
    await vi.waitFor(async () => {
      const letters = (await queue.dead.look({ limit: 10 })).letters;
      expect(letters.map(({ id, reason }) => `${id} ${reason}`).toSorted()).toEqual(["b malformed", "c unknown_workflow"]);
    }, PATIENCE);
    await vi.waitFor(async () => expect(await queue.figures()).toMatchObject({ waiting: 0, received: 0, dead: 2 }), PATIENCE);
    // Once what was missing is there, its letter is sent again and runs; the other one is struck off.
    here.write("nobody.yaml", workflowOf("nobody", "true"));
    expect((await here.windlass("workflows", "apply", "nobody.yaml")).code).toBe(0);
    const listed = await here.windlass("dlq", "list", "--source", "notice", "--json");
    expect((JSON.parse(listed.stdout) as { items: { reason: string }[] }).items.map(({ reason }) => reason).toSorted()).toEqual([
      "malformed",
      "unknown_workflow",
    ]);
    expect(await here.windlass("dlq", "redrive", "--reason", "unknown_workflow")).toMatchObject({ code: 0, stdout: "1 redriven\n" });
    await vi.waitFor(async () => expect(await namesOf("succeeded")).toEqual(["first", "nobody", "second"]), PATIENCE);
    expect((await here.windlass("dlq", "purge", "--reason", "malformed", "--yes")).code).toBe(0);
    expect(await queue.figures()).toMatchObject({ waiting: 0, dead: 0 });
  });

  test("a server that is to enforce signatures takes nothing that is not signed, and does not start without a key", async () => {
    const keyless = await here.start(["server", "--port", "0"], { WINDLASS_NOTICES_URL: broker.url }).ended;
    expect([keyless.code, keyless.stderr]).toEqual([2, expect.stringContaining("WINDLASS_NOTICES_KEYS")]);
    await here.serverWith({ WINDLASS_NOTICES_URL: broker.url, WINDLASS_NOTICES_KEYS: KEY });
    await queue.send([{ id: "a", body: bodyOf("first"), attributes: {} }]);
    await vi.waitFor(
      async () => expect((await queue.dead.look({ limit: 10 })).letters).toMatchObject([{ id: "a", reason: "signature" }]),
      PATIENCE,
    );
  });

  test("a broker that is away keeps no server from starting or working, and is told of", async () => {
    await broker.stop();
    const server = await here.serverWith({ WINDLASS_NOTICES_URL: broker.url, WINDLASS_NOTICES_SIGNING: "off" });
    expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ status: "ready", notices: "away" });
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("windlass_notices_queue_up 0");
    here.write("first.yaml", workflowOf("first", "true"));
    expect((await here.windlass("run", "first.yaml", "--wait")).code).toBe(0);
  });
});
