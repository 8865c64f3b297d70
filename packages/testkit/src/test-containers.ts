/** A container engine for one test file: skipped with a printed reason where it is not installed, never skipped in CI. */
import type { ContainerServer, ContainerServerOptions } from "./container-server.ts";
import { findDocker, startDocker } from "./docker.ts";
import { findPodman, startPodman } from "./podman.ts";

export interface TestContainers {
  readonly name: "podman" | "docker";
  /** For `describe.skipIf`. */
  readonly missing: boolean;
  start(options?: ContainerServerOptions): Promise<void>;
  /** While the tests of its file run. */
  readonly server: ContainerServer;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function testPodman(environment: Environment = process.env): TestContainers {
  return testContainers("podman", findPodman(environment), { environment, begin: startPodman });
}

export function testDocker(environment: Environment = process.env): TestContainers {
  return testContainers("docker", findDocker(environment), { environment, begin: startDocker });
}

function testContainers<Programs extends object>(
  name: TestContainers["name"],
  found: Programs | string,
  {
    environment,
    begin,
  }: {
    readonly environment: Environment;
    readonly begin: (programs: Programs, options?: ContainerServerOptions) => Promise<ContainerServer>;
  },
): TestContainers {
  if (typeof found === "string") {
    if (environment["CI"] === "true") throw new Error(found);
    process.stderr.write(`skipped: ${found}\n`);
  }
  let server: ContainerServer | null = null;
  return {
    name,
    missing: typeof found === "string",
    async start(options) {
      if (typeof found !== "string") server = await begin(found, options);
    },
    get server() {
      if (server === null) throw new Error(`${name} runs only while the tests of its file run`);
      return server;
    },
    async stop() {
      await server?.stop();
      server = null;
    },
  };
}
