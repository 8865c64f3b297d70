/** A container engine for one test file: skipped with a printed reason where podman is not installed, never skipped in CI. */
import { findPodman, startPodman, type PodmanServer } from "./podman.ts";

export interface TestPodman {
  /** For `describe.skipIf`. */
  readonly missing: boolean;
  start(): Promise<void>;
  /** While the tests of its file run. */
  readonly server: PodmanServer;
  stop(): Promise<void>;
}

export function testPodman(environment: Readonly<Record<string, string | undefined>> = process.env): TestPodman {
  const found = findPodman(environment);
  if (typeof found === "string") {
    if (environment["CI"] === "true") throw new Error(found);
    process.stderr.write(`skipped: ${found}\n`);
  }
  let server: PodmanServer | null = null;
  return {
    missing: typeof found === "string",
    async start() {
      if (typeof found !== "string") server = await startPodman(found);
    },
    get server() {
      if (server === null) throw new Error("podman runs only while the tests of its file run");
      return server;
    },
    async stop() {
      await server?.stop();
      server = null;
    },
  };
}
