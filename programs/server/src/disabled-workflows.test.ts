/** A workflow that is disabled: over the API, by its schedules, and what is said of it. */
import { operations } from "@windlass/contract";
import type { Client } from "@windlass/sdk";
import { dispatchOnce, fireTimes } from "@windlass/schedules";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobTemplates } from "./job-templates.ts";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let api: Client;

beforeAll(async () => {
  server = await testServer();
  ({ api } = server);
});
afterAll(() => server.close());

const apply = (name: string, more: object = {}) => api.workflows.apply({ source: JSON.stringify({ name, steps: [], ...more }) });
const refused = (name: string) => ({ code: "workflow_disabled", message: expect.stringContaining(`windlass workflows enable ${name}`) });

test("it is run by nobody, under no version and by no other workflow, until it is enabled; it can be changed meanwhile", async () => {
  await apply("report");
  await apply("day", { calls: ["report@1"] });
  const { id } = await api.workflows.run({ name: "report", input: {} });
  await server.engine.jobs.wait(id);
  const done = await api.workflows.disable({ name: "report", reason: "the source is being moved" });
  operations.workflows.disable.result.parse(done);
  const disabled = { by: "admin", at: expect.any(String), reason: "the source is being moved" };
  expect(done).toMatchObject({ cancelled: 0, workflow: { name: "report", disabled } });
  await api.workflows.disable({ name: "report", reason: "another" });
  expect((await api.workflows.get({ name: "report@1" })).disabled, "who did it first is kept").toEqual(done.workflow.disabled);
  for (const name of ["report", "report@1", "day"])
    await expect(api.workflows.run({ name, input: {} })).rejects.toMatchObject(refused("report"));
  await expect(api.jobs.retry({ id })).rejects.toMatchObject(refused("report"));
  expect(await apply("report", { more: 1 })).toMatchObject({ created: true, workflow: { version: 2, disabled } });
  expect((await api.workflows.versions({ name: "report" })).items.map((one) => one.disabled?.by)).toEqual(["admin", "admin"]);
  expect((await api.workflows.list()).items.map(({ name, disabled: mark }) => [name, mark === null])).toEqual([
    ["day", true],
    ["report", false],
  ]);
  expect(await api.workflows.enable({ name: "report" })).toMatchObject({ name: "report", version: 2, disabled: null });
  await api.workflows.enable({ name: "report" });
  expect(await api.workflows.run({ name: "day", input: {} })).toMatchObject({ created: true });
});

test("what is no workflow, or one version of it, is refused and says so; one that is deleted and applied anew is enabled", async () => {
  await apply("brief");
  for (const verb of ["disable", "enable"] as const) {
    await expect(api.workflows[verb]({ name: "bref" })).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining('"brief"'),
    });
    await expect(api.workflows[verb]({ name: "brief@1" })).rejects.toMatchObject({ code: "invalid" });
  }
  await api.workflows.disable({ name: "brief" });
  await api.workflows.delete({ name: "brief" });
  expect(await apply("brief")).toMatchObject({ workflow: { disabled: null } });
});

test("who may not end jobs may not disable one of which something has not begun, for that would be ended", async () => {
  await apply("guarded");
  const { secret } = await api.tokens.create({ name: "writer", permissions: ["workflows:write", "workflows:read"] });
  const disable = () =>
    server.ask("POST", "/api/v1/workflows/guarded/disable", { body: {}, headers: { authorization: `Bearer ${secret}` } });
  const { id } = await api.workflows.run({ name: "guarded", input: {}, notBefore: "2100-01-01T00:00:00Z" });
  const answer = await disable();
  expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("jobs:cancel")]);
  expect((await api.workflows.get({ name: "guarded" })).disabled, "nothing was done").toBeNull();
  expect(await api.workflows.disable({ name: "guarded" })).toMatchObject({ cancelled: 1 });
  expect(await api.jobs.get({ id })).toMatchObject({ state: "cancelled", reason: "workflow_disabled" });
  expect((await disable()).status).toBe(200);
});

test("its schedules say so of each time, which is no error of theirs, and go on when it is enabled", async () => {
  await apply("often");
  const { context } = server.engine;
  await api.schedules.create({ name: "each-second", workflow: "often", cron: "* * * * * *", overlap: { policy: "allow", limit: 100 } });
  await api.workflows.disable({ name: "often" });
  // It can be saved all the same.
  await api.schedules.create({ name: "yearly", workflow: "often", cron: "0 0 1 1 *" });
  const templates = jobTemplates({ definitions: context.store.definitions, workflows: server.parts.workflows });
  const skipped = async () =>
    (await api.schedules.history({ name: "each-second", limit: 500 })).items.filter(({ reason }) => reason === "disabled");
  expect((await dispatchOnce({ context, fire: fireTimes, templates }, { aheadMs: 60_000 })).errors).toEqual([]);
  const [row] = await skipped();
  expect(row).toMatchObject({ decision: "skipped", jobId: null, message: expect.stringContaining("windlass workflows enable often") });
  await expect(api.schedules.run({ name: "each-second" })).rejects.toThrow("windlass workflows enable often");
  await api.workflows.enable({ name: "often" });
  // What was decided ahead is decided anew by a change, as ever.
  await api.schedules.pause({ name: "each-second" });
  await api.schedules.resume({ name: "each-second" });
  await dispatchOnce({ context, fire: fireTimes, templates }, { aheadMs: 60_000 });
  const rows = (await api.schedules.history({ name: "each-second", limit: 500 })).items;
  expect(rows.find(({ decision }) => decision === "fired")).toMatchObject({ reason: "due" });
  await api.schedules.pause({ name: "each-second" });
});
