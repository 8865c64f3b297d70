import type { Client } from "@windlass/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let api: Client;

const apply = (name: string, more: object = {}): Promise<unknown> =>
  api.workflows.apply({ source: JSON.stringify({ name, steps: [], ...more }) });
const pinnedBy = async (request: { readonly name?: string; readonly source?: string }): Promise<unknown> =>
  (await api.jobs.get({ id: (await api.workflows.run({ ...request, input: {} })).id })).spec["pinned"];

beforeAll(async () => {
  server = await testServer();
  ({ api } = server);
  await apply("clean");
  await apply("clean", { more: 1 });
  await apply("report", { calls: ["clean@1"] });
  await apply("nightly", { calls: ["report", "clean@latest"] });
  await apply("itself", { calls: ["itself"] });
});
afterAll(() => server.close());

test("an execution is given the version of every workflow that it comes to, as they are now", async () => {
  expect(await pinnedBy({ name: "nightly" })).toEqual({ report: 1, "clean@latest": 2, "clean@1": 1 });
  await apply("clean", { more: 2 });
  expect(await pinnedBy({ name: "nightly" })).toMatchObject({ "clean@latest": 3, "clean@1": 1 });
  expect(await pinnedBy({ source: JSON.stringify({ name: "file", steps: [], calls: ["clean"] }) })).toEqual({ clean: 3 });
});

test("a retry runs the versions that the first one did", async () => {
  const { id } = await api.workflows.run({ name: "nightly", input: {} });
  const before = (await api.jobs.get({ id })).spec["pinned"];
  await server.engine.jobs.wait(id);
  await apply("clean", { more: 3 });
  const again = await api.jobs.retry({ id });
  expect((await api.jobs.get({ id: again.id })).spec["pinned"]).toEqual(before);
});

test("one that runs itself is pinned once", async () => {
  expect(await pinnedBy({ name: "itself" })).toEqual({ itself: 1 });
});

test("workflows and versions that are not there are refused together, with who runs them", async () => {
  await apply("broken", { calls: ["nothing"] });
  const refused = api.workflows.run({ source: JSON.stringify({ name: "x", steps: [], calls: ["clen", "clean@9", "broken"] }), input: {} });
  await expect(refused).rejects.toMatchObject({
    code: "invalid",
    faults: [
      { path: "calls[0]", message: 'there is no workflow clen; did you mean "clean"?' },
      { path: "calls[1]", message: "workflow clean has no version 9; the newest is 4" },
      { path: "calls[0]", message: "broken: there is no workflow nothing" },
    ],
  });
});

test("a name is found by its newest version, a number, or latest", async () => {
  expect((await api.workflows.get({ name: "clean@latest" })).version).toBe(4);
  expect((await api.workflows.get({ name: "clean@2" })).version).toBe(2);
  await expect(api.workflows.get({ name: "clean@newest" })).rejects.toMatchObject({ code: "invalid" });
});
