/**
 * Each reason for which a notice becomes a dead letter, over each broker, from what provokes it to what mends it: a real server, a
 * real broker, signatures enforced. What can be mended is redriven and runs to its end once; before, it comes back with its
 * reason and one redrive more. What cannot be is told.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { noticeSignatures } from "@windlass/engine";
import { noticeFaults, type NoticeFault } from "@windlass/kernel";
import { openNatsNotices } from "@windlass/nats";
import type { Notices } from "@windlass/ports";
import { client, type Client } from "@windlass/sdk";
import { openSqsNotices } from "@windlass/sqs";
import { realClock, seededRandom, testNats } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { publishAsStranger } from "../../drivers/nats/src/stranger-fixture.ts";
import { sqsFixture } from "../../drivers/sqs/src/sqs-fixture.ts";
import { stranger, workflowOf, type Server, type Stranger } from "./stranger.ts";

const nats = testNats();
const PATIENCE = { timeout: 60_000, interval: 100 };
const KEY = Buffer.alloc(32, 7).toString("base64");
const DAY_MS = 86_400_000;
const ATTEMPTS_MAX = 2;
/** Of a notice that a program took along when it was killed. */
const VISIBILITY_SECONDS = 2;
const limits = { visibilityMs: VISIBILITY_SECONDS * 1_000, attemptsMax: ATTEMPTS_MAX };
const signatures = noticeSignatures({ mode: "enforce", keys: { place: "KEYS", read: () => KEY }, replayMs: DAY_MS });

interface Broker {
  /** What a server is told of it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly queue: Notices;
  /** Puts a body with the dead letters as no driver of ours does. */
  bury(body: string): Promise<void>;
  stop(): Promise<void>;
}

async function openNats(): Promise<Broker> {
  const server = await nats.start();
  const queue = await openNatsNotices({ url: server.url, name: "windlass", clock: realClock, random: seededRandom(1), ...limits });
  return {
    environment: { WINDLASS_NOTICES_URL: server.url },
    queue,
    bury: (body) => publishAsStranger(server.url, { subject: "windlass.dead", body }),
    async stop() {
      await queue.close();
      await server.stop();
    },
  };
}

async function openSqs(): Promise<Broker> {
  const sqs = await sqsFixture();
  sqs.server.createQueue("windlass");
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const url = sqs.urlOf("windlass");
  const queue = await openSqsNotices({ url, clock: realClock, credentials, ...limits });
  return {
    environment: { WINDLASS_NOTICES_URL: url, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    queue,
    bury: (body) => sqs.put("windlass-dead", { body, attributes: { windlass_reason: "because" } }),
    async stop() {
      await queue.close();
      await sqs.stop();
    },
  };
}

/** One server after the other, on this broker. */
interface Site extends Broker {
  readonly me: Stranger;
  readonly start: (data?: string) => Promise<Client>;
  readonly kill: () => Promise<void>;
  readonly windlass: (...args: readonly string[]) => ReturnType<Stranger["windlass"]>;
  readonly api: () => Client;
}

function siteOn(broker: Broker): Site {
  const me = stranger();
  let server: Server | null = null;
  let folder = "";
  let api: Client | null = null;
  const environment = {
    ...broker.environment,
    WINDLASS_NOTICES_KEYS: KEY,
    WINDLASS_NOTICES_ATTEMPTS_MAX: String(ATTEMPTS_MAX),
    WINDLASS_NOTICES_VISIBILITY_SECONDS: String(VISIBILITY_SECONDS),
  };
  return {
    ...broker,
    me,
    async start(data = folder === "" ? "data" : folder) {
      folder = data;
      server = await me.serverWith(environment, "--data", data);
      api = client({ url: server.url, token: readFileSync(join(me.folder, data, "token"), "utf8").trim() });
      return api;
    },
    async kill() {
      server?.kill("SIGKILL");
      await server?.ended;
    },
    windlass: (...args) => me.windlass(...args, "--data", folder),
    api() {
      if (api === null) throw new Error("there is no server yet");
      return api;
    },
  };
}

const nameOf = (reason: NoticeFault): string => `of-${reason.replaceAll("_", "-")}`;

function bodyOf(reason: NoticeFault, more: object = {}): string {
  const times = { nominal_time: "2026-01-31T09:00:00Z", sent_at: "2026-01-31T09:00:00Z" };
  return JSON.stringify({ version: 1, type: "execution", workflow_id: nameOf(reason), trigger_type: "event", ...times, ...more });
}

/** As a system sends it that has the key; `agoMs`: it was signed so long ago. */
async function send({ queue }: Site, reason: NoticeFault, { body = bodyOf(reason), agoMs = 0 } = {}): Promise<void> {
  const plain = { id: reason, body, attributes: {} };
  const attributes = signatures.sign(plain, { queue: queue.identity, now: Date.now() - agoMs });
  expect(await queue.send([{ ...plain, attributes }])).toEqual([{ id: reason, fault: null }]);
}

/** A workflow of this reason that leaves a line behind for each run. */
async function apply({ me, windlass }: Site, reason: NoticeFault, more = ""): Promise<void> {
  const name = nameOf(reason);
  me.write(`${name}.yaml`, workflowOf(name, `echo ran >> ${effectsOf(me, reason)}`).replace("steps:", `${more}steps:`));
  expect(await windlass("workflows", "apply", `${name}.yaml`)).toMatchObject({ code: 0 });
}

const effectsOf = (me: Stranger, reason: NoticeFault): string => join(me.folder, `${nameOf(reason)}.effects`);

function runsOf({ me }: Site, reason: NoticeFault): number {
  const file = effectsOf(me, reason);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
}

/** Receives it as programs do that die of it, until it is given up. */
async function dieOf({ queue }: Site): Promise<void> {
  await vi.waitFor(async () => {
    for (const one of await queue.receive({ max: 1, waitMs: 1_000 })) await queue.retry(one, { delayMs: 0, counts: true });
    expect((await queue.dead.look({ limit: 9 })).letters).toHaveLength(1);
  }, PATIENCE);
}

interface Case {
  /** Leaves one letter of this reason, and a server that runs. */
  readonly provoke: (site: Site) => Promise<unknown>;
  /** What a redrive of all comes to before: it comes back; or it is left, and told with this. */
  readonly before: "comes back" | { readonly left: string };
  /** Redrives it with the cause still there, where that takes more than to ask. */
  readonly redriveAnyway?: (site: Site, id: string) => Promise<void>;
  /** Null: nothing mends it. */
  readonly mend: ((site: Site) => Promise<unknown>) | null;
}

const ofStrangers = { left: "nobody knows who sent it" } as const;

const CASES: Readonly<Record<NoticeFault, Case>> = {
  malformed: { provoke: (site) => send(site, "malformed", { body: "no JSON" }), before: { left: "strike it off" }, mend: null },
  schema: {
    provoke: (site) => send(site, "schema", { body: bodyOf("schema", { version: 2 }) }),
    before: { left: "strike it off" },
    mend: null,
  },
  signature: {
    async provoke(site) {
      await apply(site, "signature");
      await site.queue.send([{ id: "signature", body: bodyOf("signature"), attributes: {} }]);
    },
    before: ofStrangers,
    // Who names it vouches for it.
    mend: async () => {},
  },
  signature_expired: {
    async provoke(site) {
      await apply(site, "signature_expired");
      await send(site, "signature_expired", { agoMs: 2 * DAY_MS });
    },
    before: ofStrangers,
    mend: async () => {},
  },
  unknown_workflow: {
    provoke: (site) => send(site, "unknown_workflow"),
    before: "comes back",
    mend: (site) => apply(site, "unknown_workflow"),
  },
  workflow_disabled: {
    async provoke(site) {
      await apply(site, "workflow_disabled");
      expect(await site.windlass("workflows", "disable", nameOf("workflow_disabled"))).toMatchObject({ code: 0 });
      await send(site, "workflow_disabled");
    },
    before: { left: "windlass workflows enable" },
    mend: ({ windlass }) => windlass("workflows", "enable", nameOf("workflow_disabled")),
  },
  unknown_execution: {
    // Of another store than that of the server which hears of it.
    async provoke(site) {
      const { me } = site;
      const there = await me.server("--data", "other");
      const other = client({ url: there.url, token: readFileSync(join(me.folder, "other", "token"), "utf8").trim() });
      await other.queues.put({ name: "default", paused: true });
      const { job } = await other.workflows.run({
        source: workflowOf(nameOf("unknown_execution"), `echo ran >> ${effectsOf(me, "unknown_execution")}`),
      });
      there.kill("SIGTERM");
      await there.ended;
      await send(site, "unknown_execution", { body: bodyOf("unknown_execution", { execution_id: job.id }) });
    },
    before: "comes back",
    async mend({ kill, start }) {
      await kill();
      const api = await start("other");
      await api.queues.put({ name: "default", paused: false });
    },
  },
  refused: {
    async provoke(site) {
      await apply(site, "refused", "inputs: {size: {type: integer}}\n");
      await send(site, "refused", { body: bodyOf("refused", { input: { size: "large" } }) });
    },
    before: "comes back",
    mend: (site) => apply(site, "refused", "inputs: {size: {type: string}}\n"),
  },
  attempts_exhausted: {
    async provoke(site) {
      await apply(site, "attempts_exhausted");
      await site.kill();
      await send(site, "attempts_exhausted");
      await dieOf(site);
      await site.start();
    },
    before: "comes back",
    // Held back for long enough that the server is killed before it is received, and those who die of it have it. */
    async redriveAnyway(site, id) {
      expect(await site.api().deadLetters.redrive({ ids: [id], delaySeconds: 3 })).toMatchObject({ items: [{ id }], fault: null });
      await site.kill();
      await dieOf(site);
      await site.start();
    },
    mend: async () => {},
  },
  unknown: {
    async provoke(site) {
      await apply(site, "unknown");
      await site.bury(bodyOf("unknown"));
    },
    before: ofStrangers,
    mend: async () => {},
  },
};

const BROKERS = [
  ["NATS", openNats, nats.missing],
  ["SQS", openSqs, false],
] as const;

for (const [name, open, isMissing] of BROKERS)
  describe.skipIf(isMissing)(`dead letters of notices over ${name}`, () => {
    let site: Site;
    beforeAll(async () => {
      site = siteOn(await open());
      await site.start();
    });
    afterAll(async () => {
      await site.me.leave();
      await site.stop();
    });

    /** The only one, seen by the command line, by the API, and by its id. */
    async function letter(wanted: object): Promise<string> {
      const id = await vi.waitFor(async () => {
        const { items } = await site.api().deadLetters.list({ source: "notice" });
        expect(items).toMatchObject([{ source: "notice", ...wanted }]);
        return items[0]?.id ?? "";
      }, PATIENCE);
      const listed = await site.windlass("dlq", "list", "--source", "notice", "--json");
      expect((JSON.parse(listed.stdout) as { items: unknown }).items).toMatchObject([{ id, ...wanted }]);
      const shown = await site.windlass("dlq", "show", id, "--json");
      expect(JSON.parse(shown.stdout)).toMatchObject({ id, job: null, ...wanted });
      return id;
    }

    async function isEmpty(): Promise<void> {
      await vi.waitFor(async () => expect(await site.queue.figures()).toMatchObject({ waiting: 0, received: 0, dead: 0 }), PATIENCE);
      expect((await site.api().deadLetters.list({})).items).toEqual([]);
    }

    async function redriveBefore(reason: NoticeFault, id: string): Promise<void> {
      const { before, redriveAnyway } = CASES[reason];
      if (before === "comes back") {
        if (redriveAnyway !== undefined) return redriveAnyway(site, id);
        const all = await site.windlass("dlq", "redrive", "--all");
        return expect(all).toMatchObject({ code: 0, stdout: "1 redriven\n" });
      }
      const { code, stdout } = await site.windlass("dlq", "redrive", "--all");
      expect([code, stdout]).toEqual([1, expect.stringContaining("0 redriven\n1 left")]);
      for (const told of [`(${reason})`, before.left, id]) expect(stdout).toContain(told);
    }

    test.each(noticeFaults)("%s", async (reason) => {
      const { provoke, before, mend } = CASES[reason];
      await provoke(site);
      const first = await letter({ reason, redrives: 0 });
      await redriveBefore(reason, first);
      const id = await letter({ reason, redrives: before === "comes back" ? 1 : 0 });
      expect(runsOf(site, reason)).toBe(0);
      if (mend === null) {
        // Also where it is named.
        const named = await site.windlass("dlq", "redrive", id);
        expect([named.code, named.stdout]).toEqual([1, expect.stringContaining("strike it off")]);
        expect(await site.windlass("dlq", "purge", id, "--yes")).toMatchObject({ code: 0, stdout: "1 struck off\n" });
        return isEmpty();
      }
      await mend(site);
      const again = await letter({ reason });
      expect(await site.windlass("dlq", "redrive", again)).toMatchObject({ code: 0, stdout: "1 redriven\n" });
      const ended = await vi.waitFor(async () => {
        const { items } = await site.api().jobs.list({ name: nameOf(reason), rootsOnly: true });
        expect(items.map(({ outcome }) => outcome)).toEqual(["succeeded"]);
        return items;
      }, PATIENCE);
      await isEmpty();
      expect([runsOf(site, reason), ended.length]).toEqual([1, 1]);
      expect(await site.windlass("dlq", "redrive", "--all")).toMatchObject({ code: 0, stdout: "0 redriven\n" });
    });
  });
