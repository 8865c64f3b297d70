/** What containers die of, what they print, and what becomes of images that cannot be had; on a real engine. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSilent, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import type { JsonObject } from "@windlass/kernel";
import { encodeId, externalNameOf } from "@windlass/kernel";
import type { EndedFact, Executor, LaunchRequest } from "@windlass/ports";
import { testDocker, testPodman } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { dockerFixture, type DockerFixture } from "./docker-fixture.ts";

const PATIENCE = { timeout: 60_000, interval: 20 };
const TEN_MEGABYTES = 10 * 1_048_576;

for (const engine of [testPodman(), testDocker()])
  describe.skipIf(engine.missing)(`a container on ${engine.name}`, () => {
    beforeAll(() => engine.start());
    afterAll(() => engine.stop());
    let fixture: DockerFixture;
    let executor: Executor;
    const facts: EndedFact[] = [];

    beforeEach(async () => {
      facts.length = 0;
      fixture = dockerFixture(engine.server);
      executor = fixture.connect();
      await executor.start((fact) => facts.push(fact));
    });
    afterEach(async () => {
      await executor.close();
      await fixture.close();
    });

    const endOf = (name: string, told: readonly EndedFact[] = facts): Promise<EndedFact> =>
      vi.waitFor(() => {
        const fact = told.find((one) => one.name === name);
        if (fact === undefined) throw new Error(`${name} was not told to have ended`);
        return fact;
      }, PATIENCE);
    const run = async (spec: JsonObject, more: Partial<LaunchRequest> = {}): Promise<EndedFact> => {
      const request = { ...requestOf(spec), ...more };
      expect(await executor.launch(request)).toHaveProperty("ref");
      return endOf(request.name);
    };
    const script = (text: string, more: JsonObject = {}): JsonObject => ({ image: engine.server.image, command: ["/init", text], ...more });

    test("killed for memory itself, it is told so; with its limit", async () => {
      const { image } = engine.server;
      const fact = await run({ image, command: ["tail", "-c", "200000000", "/dev/zero"], memoryLimitBytes: 16 * 1_048_576 });
      expect(fact.result).toMatchObject({
        outcome: "failed_oom",
        reason: "memory_limit",
        message: "needed more memory than its limit of 16Mi",
      });
      expect(fact.result.evidence).toMatchObject({ memory: { limitBytes: 16 * 1_048_576, oomKilled: true } });
    });

    test("one whose child was killed for memory, and that fails for it with a code of its own, is told so as well", async () => {
      const limit = { memoryLimitBytes: 16 * 1_048_576 };
      const failed = await run(script("tail -c 200000000 /dev/zero || exit 7", limit));
      expect(failed.result).toMatchObject({ outcome: "failed_oom", reason: "memory_limit", exitCode: 7 });
      const handled = await run(script("tail -c 200000000 /dev/zero || true", limit));
      expect(handled.result).toMatchObject({ outcome: "succeeded" });
    });

    test("a folder that is not there, and a program that may not be executed, were configured badly", async () => {
      const { image } = engine.server;
      expect((await run({ image, command: ["/etc"] })).result).toMatchObject({ outcome: "failed_config", reason: "command_not_found" });
      const launched = await executor.launch(requestOf({ image, command: ["true"], workingDir: "/bin/ls" }));
      expect(
        "refused" in launched
          ? launched.refused
          : (await vi.waitFor(() => facts[1] ?? Promise.reject(new Error("not ended")), PATIENCE)).result,
      ).toMatchObject({ outcome: "failed_config", reason: "bad_working_dir" });
    });

    test("ten megabytes that are no text come out byte for byte, and nothing is missing at the end", async () => {
      const request = requestOf(
        script(`head -c ${TEN_MEGABYTES} /dev/urandom > /tmp/x; printf '\\033[31m€' >> /tmp/x; md5sum < /tmp/x >&2; cat /tmp/x`),
      );
      await executor.launch(request);
      await endOf(request.name);
      const { createHash } = await import("node:crypto");
      const printed = await fixture.readLog(request.jobId, 1, "stdout");
      const sum = (await fixture.readLog(request.jobId, 1, "stderr")).toString().split(" ")[0];
      expect(printed.length).toBe(TEN_MEGABYTES + 8);
      expect(createHash("md5").update(printed).digest("hex")).toBe(sum);
    });

    test("what it prints is there while it runs; a client that takes it over doubles and loses nothing", async () => {
      const request = requestOf(script("echo one; while ! test -e /tmp/go; do sleep 0.05; done; echo two"));
      await executor.launch(request);
      const printed = async (): Promise<string> => (await fixture.readLog(request.jobId, 1, "stdout")).toString();
      await vi.waitFor(async () => expect(await printed()).toBe("one\n"), PATIENCE);
      await executor.close();
      executor = fixture.connect();
      const told: EndedFact[] = [];
      await executor.start((fact) => told.push(fact));
      await engine.server.command("exec", request.name, "touch", "/tmp/go");
      await endOf(request.name, told);
      expect(await printed()).toBe("one\ntwo\n");
    });

    test("what comes too fast is left out with a mark, and its environment, folder and limits are those that were asked for", async () => {
      await executor.close();
      executor = fixture.connect({ logBytesPerSecondMax: 1_000 });
      await executor.start((fact) => facts.push(fact));
      const request = requestOf(script("pwd; echo $A; head -c 100000 /dev/zero", { workingDir: "/tmp", env: { A: "ü b" } }));
      await executor.launch(request);
      const fact = await endOf(request.name);
      const printed = (await fixture.readLog(request.jobId, 1, "stdout")).toString();
      expect(printed).toMatch(/^\/tmp\nü b\n/u);
      expect(printed).toContain("it printed more than 1000 a second, log.bytesPerSecondMax");
      expect(fact.result.evidence).toHaveProperty("logDroppedBytes");
    });

    test("an engine that is gone for a while takes no attempt with it", async () => {
      await executor.close();
      executor = fixture.connect({ hostPaths: [fixture.folder] });
      await executor.start((fact) => facts.push(fact));
      const volumes = [{ mountPath: "/data", hostPath: fixture.folder }];
      const request = requestOf(script("while ! test -e /data/go; do sleep 0.05; done; exit 5", { volumes }));
      const launched = await executor.launch(request);
      await engine.server.restart(async () => {
        expect(await executor.find(request.name)).toMatchObject({ ...launched, state: "running" });
        expect((await executor.list()).map(({ name }) => name)).toEqual([request.name]);
        // It ends while nobody can tell.
        writeFileSync(join(fixture.folder, "go"), "");
      });
      expect((await endOf(request.name)).result).toMatchObject({ outcome: "failed", exitCode: 5 });
    });

    test("one whose launcher was killed between its creation and its start is started once", async () => {
      const request = requestOf(script("echo ran >> /tmp/x; cat /tmp/x"));
      const label = (key: string, value: string): string[] => ["--label", `windlass.dev/${key}=${value}`];
      await engine.server.command(
        ...["create", "--name", request.name, "--log-driver", engine.name === "podman" ? "k8s-file" : "local"],
        ...[...label("place", executor.place), ...label("job-id", request.jobId), ...label("attempt", "1")],
        ...[engine.server.image, "/init", "echo ran >> /tmp/x; cat /tmp/x"],
      );
      expect(await executor.find(request.name)).toBeNull();
      await executor.launch(request);
      expect((await endOf(request.name)).result.outcome).toBe("succeeded");
      expect((await fixture.readLog(request.jobId, 1, "stdout")).toString()).toBe("ran\n");
      expect(
        (await engine.server.command("ps", "--all", "--format", "{{.Names}}")).split("\n").filter((name) => name === request.name),
      ).toHaveLength(1);
    });

    test("a container of that name which is somebody else's is left alone", async () => {
      const request = requestOf(script("true"));
      await engine.server.command("create", "--name", request.name, engine.server.image, "true");
      await expect(executor.launch(request)).rejects.toMatchObject({ code: "conflict" });
      await engine.server.command("rm", request.name);
    });

    test("folders of the host are seen only where that is allowed", async () => {
      const volumes = [{ mountPath: "/data", hostPath: fixture.folder }];
      expect(await executor.launch(requestOf(script("true", { volumes })))).toMatchObject({
        refused: { reason: "bad_spec", message: expect.stringContaining("docker.hostPaths") },
      });
      await executor.close();
      executor = fixture.connect({ hostPaths: [fixture.folder] });
      await executor.start((fact) => facts.push(fact));
      const both = [...volumes, { mountPath: "/scratch", emptyDir: { sizeBytes: 1_048_576 } }];
      expect((await run(script("test -d /data/containers && echo x > /scratch/y", { volumes: both }))).result.outcome).toBe("succeeded");
    });

    describe("its image", () => {
      let registry: Server;
      let answer: { status: number; body: object };
      beforeEach(async () => {
        registry = createServer((request, response) => {
          if (request.url === "/v2/") return void response.end("{}");
          response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
        });
        await new Promise<void>((resolve) => void registry.listen(0, "127.0.0.1", resolve));
      });
      afterEach(() => {
        registry.closeAllConnections();
        registry.close();
      });
      const imageThere = (): string => `127.0.0.1:${(registry.address() as AddressInfo).port}/team/tool:1`;
      const refusedFor = async (image: string, more: JsonObject = {}): Promise<unknown> => {
        const request = requestOf({ image, ...more });
        const launched = await executor.launch(request);
        expect(await executor.find(request.name)).toBeNull();
        return "refused" in launched ? launched.refused : launched;
      };

      test("is not to be pulled, is no name, or is on a registry that does not answer", async () => {
        expect(await refusedFor("localhost/none:1", { pullPolicy: "never" })).toMatchObject({
          outcome: "failed_image_pull",
          reason: "image_not_present",
        });
        expect(await refusedFor("UPPER//x")).toMatchObject({ outcome: "failed_image_pull", reason: "image_name_invalid" });
        expect(await refusedFor("127.0.0.1:1/x:1")).toMatchObject({ outcome: "failed_image_pull", reason: "registry_unreachable" });
      });

      test("is not given by its registry: the reason is told with the registry's words", async () => {
        // The engine asks such a registry over TLS unless it is told otherwise, and says what came instead.
        answer = { status: 404, body: { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] } };
        expect(await refusedFor(imageThere())).toMatchObject({
          outcome: "failed_image_pull",
          message: expect.stringContaining(imageThere()),
        });
      });

      test("is pulled for so long that somebody stops the attempt: then it is cancelled, and leaves nothing", async () => {
        // A registry that takes connections, with TLS or without, and says nothing.
        const sockets: Socket[] = [];
        const silent = createSilent((socket) => void sockets.push(socket));
        await once(silent.listen(0, "127.0.0.1"), "listening");
        const request = requestOf({ image: `127.0.0.1:${(silent.address() as AddressInfo).port}/slow:1` });
        try {
          const asked = once(silent, "connection");
          const launched = executor.launch(request);
          await asked;
          await executor.stop(request.name, 0, "cancelled");
          expect(await launched).toMatchObject({ refused: { outcome: "cancelled", reason: "cancel_requested" } });
          expect(await executor.list()).toEqual([]);
        } finally {
          for (const socket of sockets) socket.destroy();
          silent.close();
        }
      });
    });

    test("without an engine nothing is tried, and it is said what to install", async () => {
      const alone = fixture.connect({ host: "", environment: { HOME: fixture.folder } });
      await alone.start(() => {});
      const launched = await alone.launch(requestOf(script("true")));
      await alone.close();
      expect(launched).toMatchObject({
        refused: {
          outcome: "failed_config",
          reason: "no_executor",
          message: expect.stringMatching(/install podman or Docker.*--executor process/u),
        },
      });
    });
  });

let requests = 0;

function requestOf(spec: JsonObject): LaunchRequest {
  requests++;
  const jobId = encodeId("job", requests, new Uint8Array(10).fill((requests * 7) % 256));
  return { name: externalNameOf(jobId, "death", 1), jobId, attempt: 1, spec, environment: {}, timeoutMs: null, graceMs: 1_000 };
}
