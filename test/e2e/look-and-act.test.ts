/** Many jobs at once, and what a server is at, from the command line. */
import { afterEach, expect, test } from "vitest";
import { stranger, until, type Stranger } from "./stranger.ts";

let me: Stranger | null = null;
afterEach(async () => {
  await me?.leave();
  me = null;
});

test("jobs are counted, cancelled and run again by filter, and the server tells who works and with which settings", async () => {
  const here = (me = stranger());
  const server = here.start(["server", "--port", "0"]);
  await until(server, "Windlass answers");
  const json = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await here.windlass(...args, "--json");
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  for (const name of ["a", "b"]) await here.windlass("jobs", "submit", "--handler", "none", "--name", name, "--queue", "q");
  expect(await json("jobs", "counts", "--queue", "q")).toMatchObject({ items: [{ value: "queued", count: 2 }] });
  expect(await json("jobs", "cancel-many", "--queue", "q", "--dry-run")).toMatchObject({ dryRun: true, matched: 2, done: 0 });
  const nothing = await here.windlass("jobs", "cancel-many");
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("which jobs?")]);
  expect((await here.windlass("jobs", "cancel-many", "--queue", "q", "--name", "a")).stdout).toBe("1 job told to end.\n");
  expect(await json("jobs", "retry-many", "--name", "a")).toMatchObject({ matched: 1, done: 1 });
  expect((await here.windlass("jobs", "clean", "--stuck")).stdout).toBe("0 jobs would be ended.\n");
  expect(await json("jobs", "clean", "--stuck", "--older-than", "2h", "--yes")).toEqual({ dryRun: false, items: [], unseen: 0 });
  expect((await here.windlass("jobs", "clean")).code).toBe(2);
  expect((await here.windlass("workers", "list")).stdout).toMatch(/REPORTS WITHIN[^]*launcher +process.*\d+s/u);
  expect(await json("settings", "list")).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ name: "server.port", source: "command line" })]),
  });
  expect(await json("events", "list", "--type", "job.submitted", "-n", "1")).toMatchObject({
    items: [{ type: "job.submitted" }],
    more: true,
  });
  expect((await here.windlass("workflows", "delete", "none")).code).toBe(3);
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
}, 60_000);

test("a dead letter is named by `last` or by the end of its id", async () => {
  const here = (me = stranger());
  const server = await here.server();
  const none = await here.windlass("dead-letters", "get", "last");
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("there is no dead letter")]);
  const died = await here.windlass("jobs", "submit", "--dead-letter", "--wait", "--json", "--", "false");
  const { id } = JSON.parse(died.stdout) as { readonly id: string };
  await here.windlass("jobs", "submit", "--wait", "--", "true");
  expect((await here.windlass("dead-letters", "get", "last")).stdout).toContain(id);
  expect((await here.windlass("dead-letters", "get", id.slice(-6))).stdout).toContain(id);
  expect((await here.windlass("dead-letters", "redrive", "last")).stdout).toBe("1 redriven\n");
  const misspelt = await here.windlass("dead-letters", "purge", "lsat", "--yes");
  expect([misspelt.code, misspelt.stderr]).toEqual([3, expect.stringContaining('there is no dead letter "lsat"')]);
  server.kill("SIGTERM");
  await server.ended;
}, 60_000);
