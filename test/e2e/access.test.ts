/** Two teams on one server, as an operator and a program of each see it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stranger, type Ended, type Server as Windlass, type Stranger } from "./stranger.ts";

let me: Stranger;
let server: Windlass;
beforeAll(async () => {
  me = stranger();
  server = await me.server();
});
afterAll(async () => {
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

/** With a token from the environment, as programs have it. */
const as = (token: string, ...args: readonly string[]): Promise<Ended> => me.start(args, { WINDLASS_TOKEN: token }).ended;

test("a token of one workspace sees its jobs alone, does what its role says, and nothing once it was revoked", async () => {
  expect((await me.windlass("workspaces", "create", "acme")).stdout).toContain("--workspace acme");
  const made = await me.windlass("token", "create", "ci", "--role", "write", "--workspaces", "acme", "--expires-in", "1d");
  expect([made.code, made.stderr]).toEqual([0, expect.stringContaining("for acme, until")]);
  const token = made.stdout.trim();
  expect(token).toMatch(/^wl_[0-9a-f]+$/u);

  const own = JSON.parse((await as(token, "jobs", "submit", "--json", "--handler", "none")).stdout) as { readonly id: string };
  const other = JSON.parse((await me.windlass("jobs", "submit", "--json", "--handler", "none")).stdout) as { readonly id: string };
  const seen = await as(token, "jobs", "list");
  expect(seen.stdout).toContain(own.id);
  expect(seen.stdout).not.toContain(other.id);
  expect(await as(token, "jobs", "cancel", other.id)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining(`there is no job ${other.id}`),
  });
  expect((await me.windlass("--workspace", "acme", "jobs", "list")).stdout).toContain(own.id);
  expect((await me.start(["jobs", "list"], { WINDLASS_WORKSPACE: "acme" }).ended).stdout).toContain(own.id);

  const refused = await as(token, "token", "create", "more", "--role", "admin");
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("tokens:write") });
  expect((await me.windlass("token", "revoke", "ci")).code).toBe(0);
  expect(await as(token, "jobs", "list")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('the token "ci" was revoked by admin'),
  });

  const audit = (await me.windlass("audit", "list", "--actor", "ci")).stdout;
  expect(audit).toMatch(/ci +tokens.create +acme +forbidden/u);
  expect(audit).toMatch(new RegExp(`ci +jobs.submit +${own.id} +acme +ok`, "u"));
});

test("a token with the role write runs handlers, and commands only with jobs:command besides", async () => {
  const secret = async (...args: readonly string[]): Promise<string> => (await me.windlass("token", "create", ...args)).stdout.trim();
  const writer = await secret("writer", "--role", "write");
  const trusted = await secret("trusted", "--role", "write", "--permission", "jobs:command");
  me.write("shell.yaml", shellWorkflow("shell"));
  me.write("loop.yaml", shellWorkflow("loop", "    foreach: '{{ [1, 2] }}'\n"));
  expect((await me.windlass("workflows", "apply", "shell.yaml")).code).toBe(0);
  const ways = [
    ["jobs", "submit", "--", "true"],
    ["run", "shell.yaml"],
    ["run", "loop.yaml"],
    ["run", "shell"],
    ["workflows", "apply", "loop.yaml"],
  ];
  for (const way of ways) {
    expect(await as(writer, ...way), way.join(" ")).toMatchObject({ code: 4, stderr: expect.stringContaining("jobs:command") });
    expect(await as(trusted, ...way), way.join(" ")).toMatchObject({ code: 0 });
  }
  const [id = ""] = (await me.windlass("jobs", "list", "--name", "true", "-o", "name")).stdout.trim().split("\n");
  await me.windlass("wait", id);
  expect(await as(writer, "jobs", "retry", id)).toMatchObject({ code: 4, stderr: expect.stringContaining("jobs:command") });
  expect((await as(writer, "jobs", "submit", "--handler", "none")).code).toBe(0);
  expect((await as(writer, "roles", "list")).stdout).toContain("jobs:command");
});

function shellWorkflow(name: string, more = ""): string {
  return `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata:\n  name: ${name}\nsteps:\n  - name: one\n${more}    tool:\n      kind: shell\n      script: "true"\n`;
}

test.each([
  [["token", "create", "x", "--role", "rite"], 2, 'did you mean "write"?'],
  [["token", "create", "x"], 2, "at least one role"],
  [["token", "create", "x", "--role", "read", "--workspaces", "default", "--all-workspaces"], 2, "say two things"],
  [["token", "revoke", "nobody"], 3, 'there is no token "nobody"'],
  [["roles", "create", "x", "--permission", "jobs:raed"], 2, 'did you mean "jobs:read"?'],
  [["roles", "delete", "write"], 4, "built in"],
  [["workspaces", "delete", "default"], 4, "always there"],
  [["--workspace", "defualt", "jobs", "list"], 3, 'did you mean "default"?'],
])("%j is refused with what is right", async (args, code, message) => {
  expect(await me.windlass(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
});
