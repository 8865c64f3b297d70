/** Servers with names, as a person uses them from a folder without a server. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

let me: Stranger | null = null;
afterEach(async () => {
  await me?.leave();
  me = null;
});

test("commands go to the server of the context that is used, until it is unset or another is named", async () => {
  const here = (me = stranger());
  const [one, two] = [await here.server("--data", "one"), await here.server("--data", "two")];
  const set = await here.windlass("context", "set", "one", "--server", one.url, "--token-file", "one/token");
  expect([set.code, set.stdout]).toEqual([0, expect.stringContaining("windlass context use one")]);
  expect(statSync(join(here.folder, ".config", "windlass", "contexts.json")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(here.folder, ".config", "windlass", "contexts.json"), "utf8")).not.toContain("wl_");
  await here.windlass("context", "set", "two", "--server", two.url, "--token-file", "two/token", "--workspace", "default");
  expect((await here.windlass("context", "use", "one")).stdout).toContain(one.url);
  const submitted = await here.windlass("jobs", "submit", "--name", "there", "--json", "--", "true");
  const { id } = JSON.parse(submitted.stdout) as { readonly id: string };
  expect((await here.windlass("jobs", "get", id, "-o", "name")).stdout).toBe(`${id}\n`);
  expect((await here.windlass("jobs", "get", id, "--context", "two")).code).toBe(3);
  expect((await here.windlass("jobs", "get", id, "--data", "two")).code).toBe(3);
  expect(JSON.parse((await here.windlass("context", "list", "--json")).stdout)).toMatchObject({
    items: [
      { name: "one", current: true, server: one.url },
      { name: "two", current: false, workspace: "default" },
    ],
  });
  const wrong = await here.windlass("context", "use", "tow");
  expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining('did you mean "two"?')]);
  const secret = await here.windlass("context", "set", "one", "--token", "wl_x");
  expect([secret.code, secret.stderr]).toEqual([2, expect.stringContaining("--token-file")]);
  expect((await here.windlass("context", "unset", "one")).stdout).toContain("of the data folder again");
  expect((await here.windlass("jobs", "list")).code).toBe(5);
  await here.stopServers();
});
