/** Every way in which a caller makes a job, with a token that may do all but let commands run, and with one that may. */
import { EXECUTORS, NO_RETRY, permissions, type WindlassError } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let without: Client;
let only: Client;
const clientOf = (secret: string): Client =>
  client({ url: BASE, token: secret, fetch: (url, init) => server.app.fetch(new Request(url, init)) });

beforeAll(async () => {
  server = await testServer();
  const all = permissions.filter((one) => one !== "jobs:command");
  without = clientOf((await server.api.tokens.create({ name: "careful", permissions: all })).secret);
  only = clientOf((await server.api.tokens.create({ name: "trusted", permissions: [...all, "jobs:command"] })).secret);
  await server.api.workflows.apply({ source: shell("stored") });
});
afterAll(() => server.close());

const command = { name: "deploy", executor: "process", spec: { handler: "stands for a command" } } as const;
const handled = { ...command, executor: "handler" } as const;
const shell = (name: string): string => JSON.stringify({ name, steps: [], shell: true });

/** A command that has failed for good and is a dead letter. */
async function dead(): Promise<string> {
  const { context, jobs } = server.engine;
  const due = { startDeadline: context.now() - 1, deadLetter: true, retry: NO_RETRY };
  const { id } = await jobs.submit({ ...command, kind: "task", name: "dead", ...due });
  await context.commit([{ type: "expire", id }]);
  return id;
}

const WAYS: Readonly<Record<string, (api: Client) => Promise<unknown>>> = {
  "jobs.submit": (api) => api.jobs.submit(command),
  "jobs.submit of a workflow": (api) =>
    api.jobs.submit({ name: "flow", kind: "workflow", executor: "none", spec: { name: "flow", steps: [], shell: true } }),
  "jobs.retry": async (api) => api.jobs.retry({ id: await dead() }),
  "deadLetters.redrive": async (api) => api.deadLetters.redrive({ ids: [await dead()] }),
  "workflows.apply": (api) => api.workflows.apply({ source: shell("applied") }),
  "workflows.run of a file": (api) => api.workflows.run({ source: shell("file"), input: {} }),
  "workflows.run of a stored one": (api) => api.workflows.run({ name: "stored", input: {} }),
};

describe.each(Object.entries(WAYS))("%s", (_, way) => {
  test("is refused without jobs:command, and makes nothing", async () => {
    const refused = await way(without).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "forbidden" });
    expect(String(refused)).toMatch(
      /executor process.*needs the permission jobs:command, which the token "careful" lacks; the role admin has it/u,
    );
    expect((await server.api.jobs.list({ limit: 500 })).items.filter(({ cause }) => cause.by === "careful")).toEqual([]);
  });

  test("works with it", async () => {
    expect(await way(only)).toBeDefined();
  });
});

test("of many jobs those that start commands are refused one by one", async () => {
  const { results } = await without.jobs.submitMany({ jobs: [handled, command, handled] });
  expect(results.map((one) => ("id" in one ? "made" : one.problem.code))).toEqual(["made", "forbidden", "made"]);
  const ended = [await dead(), "id" in (results[0] ?? {}) ? (results[0] as { id: string }).id : ""];
  await server.api.jobs.cancel({ id: ended[1] ?? "" });
  const answer = await without.jobs.retryMany({ name: "dead" });
  expect(answer.done).toBe(0);
  expect(answer.refused.find(({ id }) => id === ended[0])?.problem).toMatchObject({ code: "forbidden" });
  expect(await without.jobs.retryMany({ name: "deploy", state: ["cancelled"] })).toMatchObject({ done: 1, refused: [] });
});

test("every executor is closed but those that start no command", async () => {
  for (const executor of EXECUTORS) {
    const asked = without.jobs.submit({ ...command, name: `by-${executor}`, executor });
    const answer = await asked.then(
      () => "made",
      (error: WindlassError) => error.code,
    );
    expect([executor, answer === "forbidden"]).toEqual([executor, !["none", "handler", "tool"].includes(executor)]);
  }
});

test("the role write lacks it: what only has a handler needs nothing more", async () => {
  const { secret } = await server.api.tokens.create({ name: "writer", roles: ["write"] });
  const writer = clientOf(secret);
  await expect(writer.jobs.submit(command)).rejects.toMatchObject({ code: "forbidden" });
  await writer.jobs.submit(handled);
  await server.api.roles.create({ name: "commander", permissions: ["jobs:command"] });
  const both = clientOf((await server.api.tokens.create({ name: "both", roles: ["write", "commander"] })).secret);
  await both.jobs.submit(command);
});
