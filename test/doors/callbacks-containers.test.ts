/** Callbacks about containers of a real engine, which tells of their ends itself: who is first counts, and nothing is left behind. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testPodman } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, type Stranger } from "../e2e/stranger.ts";

const podman = testPodman();
const TOKEN = "an-internal-token-for-tests";
const PATIENCE = { timeout: 60_000, interval: 50 };

beforeAll(() => podman.start());
afterAll(() => podman.stop());

describe.skipIf(podman.missing)("callbacks about containers on podman", () => {
  let here: Stranger;
  let api: Client;
  let url = "";
  beforeEach(async () => {
    here = stranger();
    ({ url } = await here.serverWith({ WINDLASS_DOCKER_HOST: podman.server.host, WINDLASS_INTERNAL_API_TOKEN: TOKEN }));
    api = client({ url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
  });
  afterEach(() => here.leave());

  const run = async (step: string): Promise<string> => {
    const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: boxes}\nsteps:\n  - ${step}\n`;
    return (await api.workflows.run({ source })).job.id;
  };
  const tool = `{kind: container, image: "IMAGE", command: [/init, "sleep 600"]}`;
  const container = (): string => tool.replace("IMAGE", podman.server.image);
  const post = async (path: string, body: object): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> => {
    const answer = await fetch(`${url}/api/internal/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  /** The attempt of the job with this name, once its container runs. */
  const running = (parentId: string, name: string) =>
    vi.waitFor(async () => {
      const found = (await api.jobs.list({ parentId, name })).items[0] ?? expect.fail("not there yet");
      const [attempt] = (await api.jobs.attempts({ id: found.id })).items;
      expect(attempt?.externalRef ?? null).not.toBeNull();
      return { id: found.id, name: attempt?.externalName ?? "" };
    }, PATIENCE);
  const gone = (id: string): Promise<void> =>
    vi.waitFor(async () => {
      const left = await podman.server.command("ps", "--all", "--format", "{{.ID}}", "--filter", `label=windlass.dev/job-id=${id}`);
      expect(left.trim()).toBe("");
    }, PATIENCE);

  test("what is told first ends the step, whose container is ended then; told again it is the same event", async () => {
    const execution = await run(`{name: work, tool: ${container()}}`);
    const work = await running(execution, "work");
    const path = `container-callback/${execution}/work`;
    const stale = await post(path, { state: "succeeded", job_name: "another" });
    expect(stale).toEqual({ status: 202, body: { status: "accepted_stale", reason: "name_mismatch" } });
    const told = { state: "failed_oom", job_name: work.name, exit_code: 137, message: "limit 32Mi" };
    const first = await post(path, told);
    expect(first.body["status"]).toBe("accepted_in_flight");
    expect(await api.wait(execution)).toMatchObject({ state: "failed" });
    expect(await api.jobs.get({ id: work.id })).toMatchObject({ outcome: "failed_oom", exitCode: 137, message: "limit 32Mi" });
    await gone(work.id);
    expect((await post(path, told)).body).toEqual({ status: "accepted_duplicate", event_id: first.body["event_id"] });
    expect(await api.jobs.get({ id: work.id })).toMatchObject({ outcome: "failed_oom", attempts: 1 });
  });

  test("an item of a loop is told of by its number; a cancel takes the containers away, and what is told later is stale", async () => {
    const execution = await run(`{name: each, foreach: "{{ [1, 2] }}", tool: ${container()}}`);
    const loop = await vi.waitFor(
      async () => (await api.jobs.list({ parentId: execution })).items[0] ?? expect.fail("not there yet"),
      PATIENCE,
    );
    const [one, two] = [await running(loop.id, "each[0]"), await running(loop.id, "each[1]")];
    const path = `container-callback/${execution}/each`;
    expect((await post(path, { state: "succeeded", job_name: one.name })).status).toBe(422);
    expect((await post(path, { state: "succeeded", job_name: one.name, iteration: 0 })).body["status"]).toBe("accepted_in_flight");
    await api.jobs.cancel({ id: execution });
    expect(await api.wait(execution)).toMatchObject({ state: "cancelled" });
    for (const { id } of [one, two]) await gone(id);
    const late = await post(path, { state: "succeeded", job_name: two.name, iteration: 1 });
    expect(late.body).toEqual({ status: "accepted_stale", reason: "already_finished" });
    expect(await api.jobs.get({ id: one.id })).toMatchObject({ outcome: "succeeded" });
    expect(await api.jobs.get({ id: two.id })).toMatchObject({ outcome: "cancelled" });
  });
});
