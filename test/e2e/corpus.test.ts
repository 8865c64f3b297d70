/** The corpus as processes of this host, and in containers of podman: each file ends as is written beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testPodman } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CORPUS, prepareCorpus, runAll, writtenOf } from "../corpus/run-corpus.ts";
import { stranger, type Stranger } from "./stranger.ts";

const ALL_MS_MAX = 600_000;
/** Only where there are images can one be missing. */
const OF_IMAGES = ["no-such-image"];

let here: Stranger;
beforeEach(() => {
  here = stranger();
});
afterEach(() => here.leave());

const serve = async (environment: Record<string, string> = {}): Promise<Client> => {
  const server = await here.serverWith(environment);
  const api = client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
  await prepareCorpus(api);
  return api;
};

test("there are at least twenty", () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(20);
});

test("as processes", { timeout: ALL_MS_MAX }, async () => {
  const api = await serve();
  const names = CORPUS.filter((name) => !OF_IMAGES.includes(name));
  expect(await runAll(names, { api, image: "unused:1", executor: "process" })).toEqual(writtenOf(names));
});

const podman = testPodman();
describe.skipIf(podman.missing)("in containers", () => {
  beforeAll(() => podman.start());
  afterAll(() => podman.stop());

  test("of podman", { timeout: ALL_MS_MAX }, async () => {
    // All of them are submitted at once; podman starts few at a time, and a busy machine makes it refuse more.
    const api = await serve({ WINDLASS_DOCKER_HOST: podman.server.host, WINDLASS_DOCKER_RUNNING_MAX: "4" });
    expect(await runAll(CORPUS, { api, image: podman.server.image })).toEqual(writtenOf(CORPUS));
  });
});
