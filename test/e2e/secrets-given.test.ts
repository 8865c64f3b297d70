/**
 * A secret by its alias, in a container and in a call of another server: seen there, and found nowhere else; not in an answer, a file,
 * a log in any of its forms, or what any program was started with. Through the real command line, on a real engine.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { testPodman } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { stranger, type Ended, type Stranger } from "./stranger.ts";

const podman = testPodman();
const PATIENCE = { timeout: 60_000, interval: 50 };
const SECRET = "correct/horse+battery?staple&7";
const BASE64 = Buffer.from(SECRET).toString("base64");
const FORMS = [SECRET, BASE64, BASE64.replace(/=+$/u, ""), Buffer.from(SECRET).toString("base64url"), encodeURIComponent(SECRET)];
const HASH = createHash("sha256").update(SECRET).digest("hex");

/** It waits until the test has looked around, then prints its secret in every form. */
const SCRIPT = [
  'printf %s "$API_KEY" | sha256sum | cut -c1-64',
  "while ! test -e /tmp/go; do sleep 0.1; done",
  'echo "plain $API_KEY"; echo "base64 $(printf %s "$API_KEY" | base64 -w0)"; echo "error $API_KEY" >&2',
  `echo "url $(printf %s "$API_KEY" | sed 's,/,%2F,g; s,+,%2B,g; s,?,%3F,g; s,&,%26,g')"`,
  'printf \'{"hash":"%s","key":"%s"}\\n\' "$(printf %s "$API_KEY" | sha256sum | cut -c1-64)" "$API_KEY"',
].join("\n");

const FILE = (image: string, url: string): string => `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: secretive}
inputs:
  auth_alias: {type: string, default: report-db}
steps:
  - name: box
    tool:
      kind: container
      image: ${image}
      command: [/init, ${JSON.stringify(SCRIPT)}]
      output: json
      env:
        - {name: API_KEY, valueFrom: "{{ auth_alias }}"}
  - name: call
    needs: [box]
    tool: {kind: http, method: POST, url: "${url}/hook", auth: report-db, json: {hash: "{{ box.output.hash }}"}}
output: {hash: "{{ box.output.hash }}", key: "{{ box.output.key }}"}
`;

beforeAll(() => podman.start());
afterAll(() => podman.stop());

describe.skipIf(podman.missing)("a secret that is given by its alias", () => {
  let me: Stranger;
  beforeAll(() => {
    me = stranger();
  });
  afterAll(() => me.leave());

  test("is seen by the container and by the server that is called, and found nowhere else", async () => {
    const called = await hearer();
    const server = await me.serverWith({ WINDLASS_DOCKER_HOST: podman.server.host, WINDLASS_HTTP_ALLOW: "loopback" });
    me.write("value", SECRET);
    expect(await me.windlass("secrets", "set", "report-db", "--file", "value")).toMatchObject({ code: 0 });
    me.write("value", "");
    me.write("secretive.yaml", FILE(podman.server.image, called.url));
    const running = me.start(["run", "secretive.yaml", "--wait", "--json"]);

    const container = await vi.waitFor(async () => {
      const [made = ""] = (await podman.server.command("ps", "--quiet")).split("\n");
      expect(await podman.server.command("logs", made)).toContain(HASH);
      return made;
    }, PATIENCE);
    // While it runs: no program was started with it but the container itself, where it is the environment that was asked for.
    expect(programsWith(SECRET)).toEqual([]);
    expect(holding(me.folder)).toEqual([]);
    const inspected = JSON.parse(await podman.server.command("inspect", container)) as readonly { Config: { Env: readonly string[] } }[];
    expect(inspected[0]?.Config.Env).toContain(`API_KEY=${SECRET}`);
    expect(JSON.stringify(inspected.map(({ Config: { Env: _env, ...rest }, ...all }) => ({ ...all, rest })))).not.toContain(SECRET);

    await podman.server.command("exec", container, "touch", "/tmp/go");
    const waited = await running.ended;
    expect(waited.code, waited.stdout + waited.stderr).toBe(0);
    expect(called.requests).toEqual([{ authorization: `Bearer ${SECRET}`, body: JSON.stringify({ hash: HASH }) }]);

    const answers: Ended[] = [waited];
    const api = client({ url: server.url, token: me.read(".windlass/token").trim() });
    const jobs = (await api.jobs.list({ limit: 100 })).items;
    expect(jobs).toHaveLength(3);
    const attempts = JSON.stringify(await Promise.all(jobs.map(({ id }) => api.jobs.attempts({ id }))));
    for (const { id } of jobs)
      for (const args of [
        ["jobs", "get", id, "--json"],
        ["logs", id],
        ["explain", id, "--json"],
      ])
        answers.push(await me.windlass(...args));
    for (const what of ["events", "audit", "secrets"]) answers.push(await me.windlass(what, "list", "--json"));
    const all = [attempts, ...answers.map(({ stdout, stderr }) => stdout + stderr)].join("\n");
    for (const form of FORMS) expect(all).not.toContain(form);
    for (const line of ["plain ***", "base64 ***", "url ***", "error ***"]) expect(all).toContain(line);
    expect(JSON.parse(waited.stdout)).toMatchObject({ output: { hash: HASH, key: "***" } });

    expect(holding(me.folder)).toEqual([]);
    expect(server.printed()).not.toContain(SECRET);
    server.kill("SIGTERM");
    await server.ended;
    expect(holding(me.folder)).toEqual([]);
    expect(await podman.server.command("ps", "--all", "--quiet")).toBe("");
    called.close();
  });
});

/** A server that keeps what it was sent. */
async function hearer() {
  const requests: { readonly authorization: string | undefined; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      requests.push({ authorization: request.headers.authorization, body });
      response.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}

/** Files below a folder that hold the secret in any form, byte for byte. */
function holding(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => FORMS.some((form) => readFileSync(path).includes(form)));
}

/** Programs of this machine that were started with it as an argument. */
function programsWith(text: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(join("/proc", pid, "cmdline"), "utf8");
        return line.includes(text) ? [line.replaceAll("\0", " ")] : [];
      } catch {
        // It has ended.
        return [];
      }
    });
}
