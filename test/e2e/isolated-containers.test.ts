/** An isolated execution whose runner is a container of the image that `npm run image` makes. On a real engine. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client, type JobJson } from "@windlass/sdk";
import { freePort, testPodman } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, type Stranger } from "./stranger.ts";

const podman = testPodman();
const PATIENCE = { timeout: 90_000, interval: 100 };
const IMAGE = "localhost/windlass:runner";
/** The same without a variable that a runner must have. */
const STRIPPED = "localhost/windlass:stripped";
const ENTRY = JSON.stringify(["env", "-u", "WORKFLOW_INPUT", "node", "/opt/windlass/programs/cli/bin/windlass.js"]);
const BUILD_MS_MAX = 300_000;

beforeAll(() => podman.start());
afterAll(() => podman.stop());

describe.skipIf(podman.missing)("a runner in a container", () => {
  let me: Stranger;
  beforeAll(async () => {
    me = stranger();
    const tar = join(me.folder, "image.tar");
    execFileSync(process.execPath, [join(root, "scripts", "image.ts"), tar, IMAGE], { stdio: "pipe" });
    await podman.server.command("load", "--quiet", "--input", tar);
  }, BUILD_MS_MAX);
  afterAll(() => me.leave());

  async function site(image: string, data: string): Promise<Client> {
    const port = await freePort();
    const server = await me.serverWith(
      {
        WINDLASS_DOCKER_HOST: podman.server.host,
        WINDLASS_RUNNER_IMAGE: image,
        WINDLASS_RUNNER_URL: `http://host.containers.internal:${port}`,
      },
      ...["--data", data, "--host", "0.0.0.0", "--port", String(port)],
    );
    const token = readFileSync(join(me.folder, data, "token"), "utf8").trim();
    return client({ url: server.url.replace("0.0.0.0", "127.0.0.1"), token });
  }

  const ended = (api: Client, id: string): Promise<JobJson> =>
    vi.waitFor(async () => {
      const now = await api.jobs.get({ id });
      expect(now.outcome).not.toBeNull();
      return now;
    }, PATIENCE);

  test("that misses a variable ends with 1 and its name, and the execution with that reason", { timeout: PATIENCE.timeout }, async () => {
    const [box] = [await podman.server.command("create", "--entrypoint", ENTRY, IMAGE, "runner")];
    await podman.server.command("commit", "--quiet", "--change", `ENTRYPOINT ${ENTRY}`, box.trim(), STRIPPED);
    await podman.server.command("rm", box.trim());
    const api = await site(STRIPPED, "stripped");
    const { job } = await api.workflows.run({
      source: `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: stripped}
isolation: job
executor: docker
steps: [{name: work, tool: {kind: shell, script: "true"}}]
`,
    });
    expect(await ended(api, job.id)).toMatchObject({
      outcome: "failed",
      reason: "runner_failed",
      message: expect.stringMatching(/exit code 1: .*WORKFLOW_INPUT is missing/u),
    });
    const { items } = await api.jobs.list({ parentId: job.id, limit: 10 });
    expect(items.map(({ key, exitCode }) => [key, exitCode])).toEqual(expect.arrayContaining([["#runner/0", 1]]));
    expect(items.find(({ key }) => key === "work")).toMatchObject({ outcome: "cancelled", reason: "runner_failed" });
  });

  test(
    "carries the steps out and is seen by its name; killed, it is missed and followed by another",
    { timeout: 2 * PATIENCE.timeout },
    async () => {
      const api = await site(IMAGE, "data");
      const { job } = await api.workflows.run({
        source: `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: boxed}
isolation: job
executor: docker
steps:
  - name: work
    tool:
      kind: shell
      output: json
      script: |
        test $WINDLASS_ATTEMPT != 1 || exec sleep 600
        echo "{\\"home\\": \\"$(ls -d /opt/windlass)\\", \\"attempt\\": $WINDLASS_ATTEMPT}"
output: "{{ work.output }}"
`,
      });
      const container = await vi.waitFor(async () => {
        const names = await podman.server.command("ps", "--format", "{{.Names}}");
        const name = names.split("\n").find((one) => one === `workflow-exec-${job.id.replace("_", "-")}`);
        expect(name).toBeDefined();
        const { items } = await api.jobs.list({ parentId: job.id, limit: 10 });
        expect(items.find(({ key }) => key === "work")).toMatchObject({ state: "running" });
        return name ?? "";
      }, PATIENCE);
      const inspected = JSON.parse(await podman.server.command("inspect", container)) as readonly { Config: { Env: readonly string[] } }[];
      expect(inspected[0]?.Config.Env).toContain(`EXECUTION_ID=${job.id}`);
      await podman.server.command("kill", "--signal", "KILL", container);
      expect(await ended(api, job.id)).toMatchObject({ outcome: "succeeded", output: { home: "/opt/windlass", attempt: 2 } });
      const { items } = await api.jobs.list({ parentId: job.id, limit: 10 });
      const runners = items.filter(({ name }) => name === "runner");
      expect(runners.map(({ executor }) => executor)).toEqual(runners.map(() => "docker"));
      expect(runners.find(({ key }) => key === "#runner/0")).toMatchObject({ state: "failed" });
    },
  );
});
