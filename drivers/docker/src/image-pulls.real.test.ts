/** Images from a registry: had, with their progress, for a login too; and each way in which they are not had. On real engines. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeId, externalNameOf, type JsonObject, type Progress } from "@windlass/kernel";
import type { EndedFact, Executor, LaunchRequest } from "@windlass/ports";
import { testDocker, testPodman, testRegistry, type TestRegistry } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { dockerFixture, type DockerFixture } from "./docker-fixture.ts";

const PATIENCE = { timeout: 60_000, interval: 20 };
const LOGIN = { username: "robot", password: "a:pass" };

for (const engine of [testPodman(), testDocker()])
  describe.skipIf(engine.missing)(`an image of a registry, on ${engine.name}`, () => {
    let [open, basic, bearer]: TestRegistry[] = [];
    let fixture: DockerFixture;
    let executor: Executor;
    const facts: EndedFact[] = [];
    const registries = () => [open, basic, bearer].filter((one) => one !== undefined);

    beforeAll(async () => {
      open = await testRegistry();
      basic = await testRegistry({ authentication: "basic", login: LOGIN });
      bearer = await testRegistry({ authentication: "bearer", login: LOGIN });
      await engine.start({ insecureRegistries: registries().map(({ host }) => host) });
    });
    afterAll(async () => {
      await engine.stop();
      for (const registry of registries()) await registry.close();
    });
    beforeEach(async () => {
      facts.length = 0;
      fixture = dockerFixture(engine.server);
      executor = await connect({});
    });
    afterEach(async () => {
      await executor.close();
      await fixture.close();
    });

    const connect = async (auths: JsonObject): Promise<Executor> => {
      const file = join(fixture.folder, "auth.json");
      writeFileSync(file, JSON.stringify({ auths }));
      const made = fixture.connect({ environment: { REGISTRY_AUTH_FILE: file } });
      await made.start((fact) => facts.push(fact));
      return made;
    };
    const loggedIn = async ({ username, password }: typeof LOGIN): Promise<void> => {
      await executor.close();
      const auth = Buffer.from(`${username}:${password}`).toString("base64");
      executor = await connect(Object.fromEntries(registries().map(({ host }) => [host, { auth }])));
    };
    const launch = async (image: string, more: Partial<LaunchRequest> = {}) => {
      const request = requestOf({ image, command: ["/init", 'echo "it is $MARK"'] });
      const launched = await executor.launch({ ...request, ...more });
      if ("refused" in launched) expect(await executor.find(request.name)).toBeNull();
      return { request, launched };
    };
    const printedBy = async ({ request, launched }: Awaited<ReturnType<typeof launch>>): Promise<string> => {
      expect(launched).toHaveProperty("ref");
      const fact = await vi.waitFor(
        () => facts.find(({ name }) => name === request.name) ?? Promise.reject(new Error("not ended")),
        PATIENCE,
      );
      expect(fact.result).toMatchObject({ outcome: "succeeded", evidence: { image: request.spec["image"] } });
      return (await fixture.readLog(request.jobId, 1, "stdout")).toString();
    };

    test("is pulled, says meanwhile how far it is, and is not pulled again", async () => {
      if (open === undefined) throw new Error("no registry");
      await open.addImage("team/tool", "1", "one");
      open.isSlow = true;
      const told: string[] = [];
      const first = launch(`${open.host}/team/tool:1`, { tell: ({ text }: Progress) => void told.push(text ?? "") });
      const registry = open;
      const pulling = new RegExp(`^pulling the image ${registry.host}/team/tool:1: .+ of .+`, "u");
      const seen = vi.waitFor(() => expect(told.at(-1)).toMatch(pulling), PATIENCE).finally(() => (registry.isSlow = false));
      const [launched] = await Promise.all([first, seen]);
      expect(await printedBy(launched)).toBe("it is one\n");
      const asked = open.requests.length;
      expect(await printedBy(await launch(`${open.host}/team/tool:1`))).toBe("it is one\n");
      expect(open.requests.length).toBe(asked);
    });

    test("is pulled by its digest: what the tag means by now is another matter", async () => {
      if (open === undefined) throw new Error("no registry");
      const digest = await open.addImage("team/moved", "1", "before");
      await open.addImage("team/moved", "1", "after");
      expect(await printedBy(await launch(`${open.host}/team/moved@${digest}`))).toBe("it is before\n");
      expect(await printedBy(await launch(`${open.host}/team/moved:1`))).toBe("it is after\n");
    });

    test.each(["basic", "bearer"] as const)("is given for the login of a file alone, where the registry wants one (%s)", async (way) => {
      const registry = way === "basic" ? basic : bearer;
      if (registry === undefined) throw new Error("no registry");
      await registry.addImage("team/private", "1", "private");
      const image = `${registry.host}/team/private:1`;
      const unauthorized = {
        refused: { outcome: "failed_image_pull", reason: "image_unauthorized", message: expect.stringContaining(image) },
      };
      expect((await launch(image)).launched).toMatchObject(unauthorized);
      await loggedIn({ ...LOGIN, password: "wrong" });
      expect((await launch(image)).launched).toMatchObject(unauthorized);
      await loggedIn(LOGIN);
      expect(await printedBy(await launch(image))).toBe("it is private\n");
    });

    test("is not there, has no name that is one, or its registry does not answer", async () => {
      if (open === undefined) throw new Error("no registry");
      await open.addImage("team/tool", "1");
      const gone = await testRegistry();
      await gone.close();
      for (const [image, reason] of [
        [`${open.host}/team/tool:2`, "image_not_found"],
        [`${open.host}/team/none:1`, "image_not_found"],
        [`${open.host}/Team/TOOL:1`, "image_name_invalid"],
        [`${gone.host}/team/tool:1`, "registry_unreachable"],
      ] as const)
        expect((await launch(image)).launched, image).toMatchObject({ refused: { outcome: "failed_image_pull", reason } });
    });
  });

let requests = 0;

function requestOf(spec: JsonObject): LaunchRequest {
  requests++;
  const jobId = encodeId("job", requests, new Uint8Array(10).fill((requests * 11) % 256));
  return { name: externalNameOf(jobId, "pull", 1), jobId, attempt: 1, spec, environment: {}, timeoutMs: null, graceMs: 1_000 };
}
