/** A secret is seen by the process that asked for it, and found nowhere else: not in the folder, not in any answer, not in a back-up. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stranger, type Ended, type Server as Windlass, type Stranger } from "./stranger.ts";

const SECRET = 'hunter2/very "secret"?';
const FORMS = [SECRET, Buffer.from(SECRET).toString("base64"), encodeURIComponent(SECRET), JSON.stringify(SECRET).slice(1, -1)];
const FILE = `
apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly}
inputs:
  auth_alias: {type: string, default: report-db}
steps:
  - name: use
    tool:
      kind: shell
      output: json
      script: |
        test "$(printf %s "$API_KEY" | sha256sum | cut -c1-8)" = "$EXPECTED" && echo seen
        echo "$API_KEY"; printf %s "$API_KEY" | base64; echo "$API_KEY" >&2
        printf '{"key":"%s"}' "$(printf %s "$API_KEY" | base64)"
      env:
        - {name: API_KEY, valueFrom: "{{ auth_alias }}"}
        - {name: EXPECTED, value: "SHA"}
`;

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

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

function holding(folder: string): readonly string[] {
  return filesBelow(folder).filter((path) => {
    const bytes = readFileSync(path);
    return FORMS.some((form) => bytes.includes(form));
  });
}

async function hash(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", Buffer.from(text)));
  return Buffer.from(bytes).toString("hex").slice(0, 8);
}

test("an alias in a file gives its value to the process alone", async () => {
  const refused = await me.windlass("run", write(FILE));
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('there is no secret "report-db"')]);

  // Behind the test's own folder nothing may hold it, so the file that it is set from goes.
  me.write("value", SECRET);
  const set = await me.windlass("secrets", "set", "report-db", "--file", "value");
  expect([set.code, set.stdout]).toEqual([0, expect.stringContaining("Set the secret report-db")]);
  me.write("value", "");
  const told = await me.windlass("secrets", "set", "other", "on-the-command-line");
  expect(told.code).toBe(2);
  expect(told.stderr).not.toContain("on-the-command-line");

  const ran = await me.windlass("run", write(FILE.replace("SHA", await hash(SECRET))), "--wait");
  expect(ran.code, ran.stderr).toBe(0);
  const answers: Ended[] = [ran];
  for (const args of [
    ["logs", "last"],
    ["jobs", "get", "last", "--json"],
    ["explain", "last", "--json"],
    ["events", "list", "--json"],
    ["secrets", "list", "--json"],
    ["settings", "list", "--json"],
    ["audit", "list", "--json"],
    ["backup", "saved"],
  ])
    answers.push(await me.windlass(...args));
  expect(answers[1]?.stdout).toContain("seen");
  expect(answers[1]?.stdout).toContain("***");
  for (const { code, stdout, stderr } of answers) {
    expect(code, stderr).toBe(0);
    for (const form of FORMS) expect(stdout + stderr).not.toContain(form);
  }
  expect(holding(me.folder)).toEqual([]);
  expect(filesBelow(join(me.folder, "saved")).filter((path) => path.endsWith("secrets.keys"))).toEqual([]);
});

function write(text: string): string {
  me.write("nightly.yaml", text);
  return "nightly.yaml";
}
