import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { workflowScope, WORKSPACE_SCOPE, type JsonObject } from "@windlass/kernel";
import type { KeySource, LaunchRequest } from "@windlass/ports";
import { command, engineFixture, fakeExecutor, group, groupKind, type EngineFixture, type FakeExecutor } from "./engine-fixture.ts";
import { givenSecrets } from "./given-secrets.ts";
import { keyRing } from "./key-ring.ts";
import type { SubmitRequest } from "./submit.ts";

const SECRET = "hunter2-very-secret";
const source: KeySource & { text: string } = {
  text: "",
  place: "KEYS",
  grows: "always",
  read: () => source.text,
  add: (key) => void (source.text = `${key}\n${source.text}`),
};

let fixture: EngineFixture;
let executor: FakeExecutor;
let kept: Map<string, LaunchRequest>;

beforeEach(async () => {
  source.text = "";
  kept = new Map();
  executor = fakeExecutor({ kept });
  const scoped = {
    ...groupKind,
    secretScope: ({ name }: { readonly name: string }) => workflowScope(name),
    // Of one that it is going to run.
    aliases: ({ asks, needs }: JsonObject) => [
      ...(typeof needs === "string" ? [{ path: "needs", alias: needs }] : []),
      ...(typeof asks === "string" ? [{ path: "asks", alias: asks, within: [workflowScope("child")] }] : []),
    ],
  };
  fixture = await engineFixture({
    executors: [executor],
    keySource: source,
    kinds: [{ kind: "task", validate: () => [] }, { kind: "step", validate: () => [] }, scoped],
  });
  await fixture.engine.start();
});
afterEach(() => fixture.close());

const asking = (env: JsonObject): Partial<SubmitRequest> => ({ ...command, spec: { command: ["true"], env } });
const set = (name: string, value: string, scope = WORKSPACE_SCOPE) =>
  fixture.engine.secrets.set({ workspace: "default", scope, name }, value, "ann");

async function launchOf(id: string): Promise<LaunchRequest> {
  await fixture.clock.until(() => [...kept.values()].some(({ jobId }) => jobId === id), 5_000);
  return [...kept.values()].find(({ jobId }) => jobId === id) as LaunchRequest;
}

describe("an attempt that asks for a secret", () => {
  test("is given it beside its specification, with a mask for it, and nothing of it is stored", async () => {
    await set("report-db", SECRET);
    const id = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" }, MODE: "batch" }));
    const request = await launchOf(id);
    expect(request).toMatchObject({ secretEnvironment: { API_KEY: SECRET }, mask: { secrets: [SECRET], patterns: [] } });
    expect(request.spec).toEqual({ command: ["true"], env: { MODE: "batch" } });
    expect(JSON.stringify([request.spec, request.environment])).not.toContain(SECRET);
    const stored = [await fixture.store.reads.get(id), await fixture.store.reads.events(id, 0, 100), fixture.lines];
    expect(JSON.stringify(stored)).not.toContain(SECRET);
    expect(JSON.stringify(stored)).toContain("report-db");
  });

  test("is given the one of its workflow before that of the workspace, and of no other workflow or workspace", async () => {
    await set("a", "of-the-workspace");
    await set("b", "of-the-workspace");
    await set("a", "of-nightly", workflowScope("nightly"));
    await set("c", "of-another", workflowScope("another"));
    await fixture.store.workspaces.add({ name: "acme", createdBy: "ann", createdAt: 0 });
    await fixture.engine.secrets.set({ workspace: "acme", scope: WORKSPACE_SCOPE, name: "c" }, "of-acme", "ann");
    const child = (key: string, env: JsonObject) =>
      ({ key, kind: "step", name: key, executor: "process", spec: { command: ["true"], env } }) as const;
    const all = [child("x", { A: { valueFrom: "a" }, B: { valueFrom: "b" } }), child("y", { C: { valueFrom: "c" } })];
    const id = await fixture.submit({ ...group(all), name: "nightly" });
    await fixture.clock.until(() => kept.size === 1, 5_000);
    expect([...kept.values()].map(({ secretEnvironment }) => secretEnvironment)).toEqual([{ A: "of-nightly", B: "of-the-workspace" }]);
    const children = await fixture.store.reads.list({ workspace: "default", parentId: id, limit: 10, order: "oldest" });
    const failed = children.find(({ record }) => record.childKey === "y");
    expect(failed?.final).toMatchObject({ outcome: "failed_config", reason: "secret_missing" });
    expect(failed?.final?.message).toBe(
      'there is no secret "c" in workflow "nightly" or workspace "default"; set it: windlass secrets set c',
    );
  });

  test("that was unset since it was submitted fails as secret_missing, and explain said so first while it waited", async () => {
    await set("report-db", SECRET);
    await fixture.store.queues.put("default", { paused: true }, fixture.clock.now());
    const id = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" } }));
    expect((await fixture.engine.explain(id)).causes.map(({ reason }) => reason)).toEqual(["queue_paused"]);
    await fixture.engine.secrets.unset({ workspace: "default", scope: WORKSPACE_SCOPE, name: "report-db" });
    const [first, second] = (await fixture.engine.explain(id)).causes;
    expect([first?.reason, first?.object, second?.reason]).toEqual(["secret_missing", "report-db", "queue_paused"]);
    expect(first?.todo).toContain("windlass secrets set report-db");
    await fixture.store.queues.put("default", { paused: false }, fixture.clock.now());
    await fixture.reach(id, "failed");
    expect((await fixture.engine.jobs.get(id)).final).toMatchObject({ outcome: "failed_config", reason: "secret_missing" });
    expect((await fixture.engine.explain(id)).causes[0]).toMatchObject({ reason: "secret_missing" });
  });

  test("whose key is gone, and one that was tampered with, fail as secret_unreadable and say what is wrong", async () => {
    const { keyId } = await set("report-db", SECRET);
    const keys = source.text;
    source.text = Buffer.alloc(32, 7).toString("base64");
    fixture.engine.context.keys.current();
    const id = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" } }));
    await fixture.reach(id, "failed");
    const { final } = await fixture.engine.jobs.get(id);
    expect(final).toMatchObject({ outcome: "failed_config", reason: "secret_unreadable" });
    expect(final?.message).toContain(`is sealed with ${keyId}, which this server does not have; add that key to KEYS`);
    source.text = keys;
    fixture.engine.context.keys.current();
    const other = await set("other", "another-secret");
    const [sealed] = await fixture.store.secrets.find({ workspace: "default", scopes: [WORKSPACE_SCOPE], names: ["other"] });
    const moved = { ...other, name: "report-db", version: 1, sealed: sealed?.sealed ?? "" };
    expect(await fixture.store.secrets.reseal(moved, keyId)).toBe(true);
    const swapped = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" } }));
    await fixture.reach(swapped, "failed");
    expect((await fixture.engine.jobs.get(swapped)).final).toMatchObject({ reason: "secret_unreadable" });
    expect(kept.size).toBe(0);
  });

  test("while the keys cannot be read at all is told what is wrong with them", async () => {
    await set("report-db", SECRET);
    const id = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" } }));
    const { record } = await fixture.engine.jobs.get(id);
    const broken = { ...fixture.engine.context, keys: keyRing({ ...source, read: () => "no-key-at-all" }, fixture.random) };
    expect(await givenSecrets(broken, record)).toMatchObject({
      refused: {
        outcome: "failed_config",
        reason: "secret_unreadable",
        message: expect.stringContaining("line 1 of KEYS is no key") as string,
      },
    });
  });

  test("keeps it out of what the executor says when it refuses or fails", async () => {
    await set("report-db", SECRET);
    executor.plan.push(new Error(`cannot connect with ${SECRET}`), {
      outcome: "failed_config",
      reason: "bad_spec",
      message: `bad value ${SECRET}`,
    });
    const id = await fixture.submit(asking({ API_KEY: { valueFrom: "report-db" } }));
    await fixture.reach(id, "failed");
    expect((await fixture.engine.jobs.get(id)).final).toMatchObject({ reason: "bad_spec", message: "bad value ***" });
    expect(JSON.stringify(fixture.lines)).toContain("cannot connect with ***");
    expect(JSON.stringify(fixture.lines)).not.toContain(SECRET);
  });
});

describe("a job whose alias is not there", () => {
  test("is refused at submit with every use of it, by name, and the nearest that is there", async () => {
    await set("report-db", SECRET);
    const refused = fixture.submit(asking({ A: { valueFrom: "report-dc" }, B: { valueFrom: "hook" } }));
    await expect(refused).rejects.toMatchObject({
      code: "invalid",
      faults: [
        { path: "spec.env.A", message: 'there is no secret "report-dc" in workspace "default"; did you mean "report-db"?' },
        { path: "spec.env.B", message: 'there is no secret "hook" in workspace "default"; set it: windlass secrets set hook' },
      ],
    });
  });

  test("is refused also where only what it is going to run asks for it; that one's own secrets count", async () => {
    const asks = (): Promise<string> =>
      fixture.submit({ kind: "workflow", name: "parent", spec: { asks: "hook", children: [] }, executor: "none" });
    await expect(asks()).rejects.toMatchObject({
      code: "invalid",
      faults: [
        { path: "spec.asks", message: expect.stringContaining('there is no secret "hook" in workflow "child" or workflow "parent" or') },
      ],
    });
    await set("hook", SECRET, workflowScope("child"));
    expect(await asks()).toMatch(/^job_/u);
  });

  test("is refused also where what it is going to run has a secret of that name to itself", async () => {
    await set("hook", SECRET, workflowScope("child"));
    const asks = (needs: string) =>
      fixture.submit({ kind: "workflow", name: "parent", spec: { needs, asks: "hook", children: [] }, executor: "none" });
    const message = 'there is no secret "hook" in workflow "parent" or workspace "default"; set it: windlass secrets set hook';
    await expect(asks("hook")).rejects.toMatchObject({ code: "invalid", faults: [{ path: "spec.needs", message }] });
    await set("hook", SECRET, workflowScope("parent"));
    expect(await asks("hook")).toMatch(/^job_/u);
  });

  test("is refused among many without refusing its neighbours, and when it is run again", async () => {
    await set("report-db", SECRET);
    const one = { kind: "task", name: "x", executor: "process", spec: { env: { A: { valueFrom: "report-db" } } } } as const;
    const other = { ...one, spec: { env: { A: { valueFrom: "none" } } } };
    const [good, bad] = await fixture.engine.jobs.submitMany([one, other]);
    expect([good, bad]).toMatchObject([{ created: true }, { code: "invalid" }]);
    const id = good !== undefined && "id" in good ? good.id : "";
    await launchOf(id);
    executor.end([...kept.keys()][0] ?? "");
    await fixture.reach(id, "succeeded");
    await fixture.engine.secrets.unset({ workspace: "default", scope: WORKSPACE_SCOPE, name: "report-db" });
    await expect(fixture.engine.jobs.retry(id, "ann")).rejects.toMatchObject({ code: "invalid" });
  });
});
