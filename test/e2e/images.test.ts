/** Which images are run: those that are allowed, by the digest that their tag had when the job was submitted, and signed. On a real engine. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testPodman, testRegistry, type TestRegistry } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const podman = testPodman();

describe.skipIf(podman.missing)("images on podman", () => {
  let registry: TestRegistry;
  let here: Stranger;
  beforeAll(async () => {
    registry = await testRegistry({ authentication: "bearer" });
    await podman.start({ insecureRegistries: [registry.host] });
  });
  afterAll(async () => {
    await podman.stop();
    await registry.close();
  });
  beforeEach(() => {
    here = stranger();
  });
  afterEach(() => here.leave());

  const serve = async (more: Readonly<Record<string, string>>): Promise<Client> => {
    const { url } = await here.serverWith({ WINDLASS_DOCKER_HOST: podman.server.host, WINDLASS_HTTP_ALLOW: "loopback", ...more });
    return client({ url, token: here.read(".windlass/token").trim() });
  };
  const file = (image: string, script: string): string =>
    [
      "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: boxes}\ninputs: {tag: {type: string, default: '1'}}\nsteps:",
      `  - {name: box, retry: {limit: 1}, tool: {kind: container, image: "${image}", command: [/init, ${JSON.stringify(script)}]}}\n`,
    ].join("\n");
  const boxOf = async (api: Client, parentId: string) => {
    const [box] = (await api.jobs.list({ parentId, limit: 1 })).items;
    if (box === undefined) throw new Error("no step");
    return { box, attempts: (await api.jobs.attempts({ id: box.id })).items };
  };

  test.each(["1", "{{ inputs.tag }}"])("all attempts run the digest that the tag %s had, whatever it means by now", async (tag) => {
    const digest = await registry.addImage("team/pinned", "1", "before");
    const api = await serve({ WINDLASS_IMAGES_PIN: "digest" });
    // The first attempt fails, and the tag has moved before the second: told by the network that there is none, it asks nobody.
    const { job } = await api.workflows.run({ source: file(`${registry.host}/team/pinned:${tag}`, "echo $MARK; sleep 2; exit 1") });
    if (tag === "1") await registry.addImage("team/pinned", "1", "after");
    else {
      await expect
        .poll(async () => (await boxOf(api, job.id).catch(() => null))?.attempts[0]?.endedAt ?? null, { timeout: 60_000 })
        .not.toBeNull();
      await registry.addImage("team/pinned", "1", "after");
    }
    expect((await api.wait(job.id)).state).toBe("failed");
    const { box, attempts } = await boxOf(api, job.id);
    expect(attempts.map(({ evidence }) => evidence?.["image"])).toEqual([1, 2].map(() => `${registry.host}/team/pinned@${digest}`));
    const log = Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id: box.id, stream: "stdout" }))).toString();
    expect(log).not.toContain("after");
  });

  test("a registry that may not be asked leaves the tag, and it is run by that", async () => {
    await registry.addImage("team/tool", "1", "by its tag");
    const api = await serve({ WINDLASS_IMAGES_PIN: "digest", WINDLASS_HTTP_ALLOW: "" });
    const { job } = await api.workflows.run({ source: file(`${registry.host}/team/tool:1`, "echo $MARK") });
    expect((await api.wait(job.id)).state).toBe("succeeded");
    const { attempts } = await boxOf(api, job.id);
    expect(attempts[0]?.evidence?.["image"]).toBe(`${registry.host}/team/tool:1`);
  });

  test("what is not allowed is refused when it is submitted, and at its launch where it is known only then", async () => {
    const api = await serve({ WINDLASS_IMAGES_ALLOW: `${registry.host}/team/*:1, docker.io/library/alpine` });
    here.write("other.yaml", file(`${registry.host}/team/tool:2`, "true"));
    const refused = await here.windlass("run", "other.yaml");
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([
      2,
      expect.stringContaining(`images.allow has ${registry.host}/team/*:1`),
    ]);
    const source = file(`${registry.host}/team/tool:{{ inputs.tag }}`, "true");
    const { job } = await api.workflows.run({ source, input: { tag: "2" } });
    expect((await api.wait(job.id)).state).toBe("failed");
    expect((await boxOf(api, job.id)).attempts[0]).toMatchObject({
      outcome: "failed_config",
      reason: "image_not_allowed",
      message: expect.stringContaining("images.allow has"),
    });
  });

  test("what is not signed is not run, and what is signed is run by the digest that was looked at", async () => {
    const digest = await registry.addImage("team/signed", "1", "signed");
    const bin = join(here.folder, "bin");
    const source = file(`${registry.host}/team/signed:1`, "echo $MARK");
    const WINDLASS_IMAGES_VERIFY = "key=/etc/cosign.pub";
    let api = await serve({ WINDLASS_IMAGES_VERIFY });
    const once = async () => {
      const { job } = await api.workflows.run({ source });
      await api.wait(job.id);
      return (await boxOf(api, job.id)).attempts[0];
    };
    const unverified = { outcome: "failed_config", reason: "image_unverified" };
    expect(await once()).toMatchObject({ ...unverified, message: expect.stringContaining("install it on this host") });
    await here.stopServers();

    mkdirSync(bin);
    const cosign = (script: string): void => {
      here.write("bin/cosign", `#!/bin/sh\necho "$@" >> ${here.folder}/asked\n${script}\n`);
      chmodSync(join(bin, "cosign"), 0o755);
    };
    cosign("echo 'no matching signatures' >&2; exit 10");
    api = await serve({ WINDLASS_IMAGES_VERIFY, PATH: `${bin}:${process.env["PATH"] ?? ""}` });
    expect(await once()).toMatchObject({ ...unverified, message: expect.stringContaining("no matching signatures") });
    cosign("exit 0");
    expect(await once()).toMatchObject({ outcome: "succeeded", evidence: { image: `${registry.host}/team/signed@${digest}` } });
    expect(here.read("asked")).toContain(`verify --key /etc/cosign.pub ${registry.host}/team/signed@${digest}\n`);
  });
});
