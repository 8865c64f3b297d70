/** Finds a container engine that answers: at the address that was set, or at the first of the usual ones. */
import { existsSync } from "node:fs";
import { messageOf, WindlassError } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import { engineAddresses, type Environment } from "./engine-address.ts";
import { ContainerEngine } from "./container-engine.ts";
import { EngineClient } from "./engine-client.ts";

export interface FoundEngine {
  readonly engine: ContainerEngine;
  readonly isPodman: boolean;
  /** `podman 4.3.1 at unix:///run/podman/podman.sock` */
  readonly told: string;
}

/** podman asks its programs for their versions first: milliseconds, and seconds on a machine that is busy. A frozen engine never answers. */
const ANSWER_MS_MAX = 30_000;

/** What to do where no engine is; the same words wherever one is missed. */
export const NO_ENGINE =
  "install podman or Docker, name the engine's socket by the setting docker.host or by DOCKER_HOST, or choose another executor: with `executor: process` (`--executor process`) the command runs on this host, without the image";

/** Null when none is there. Throws `unavailable` when one is there and does not answer, and `invalid` for an address that is none. */
export async function findEngine(options: {
  readonly host: string;
  readonly environment: Environment;
  readonly clock: Clock;
  /** How long each engine is given to answer; half a minute when left out. */
  readonly answerMsMax?: number;
}): Promise<FoundEngine | null> {
  const failures: string[] = [];
  for (const address of engineAddresses(options.host, options.environment)) {
    if ("socketPath" in address.at && !existsSync(address.at.socketPath)) {
      if (isSet(options)) failures.push(`${address.shown} is not there`);
      continue;
    }
    const client = new EngineClient(address, options.clock);
    try {
      const { name, version, isPodman } = await client.version(options.answerMsMax ?? ANSWER_MS_MAX);
      return { engine: new ContainerEngine(client), isPodman, told: `${name} ${version} at ${address.shown}` };
    } catch (error) {
      client.close();
      failures.push(messageOf(error));
    }
  }
  if (failures.length === 0) return null;
  throw new WindlassError("unavailable", failures.join("; "));
}

function isSet({ host, environment }: { readonly host: string; readonly environment: Environment }): boolean {
  return host !== "" || (environment["DOCKER_HOST"] ?? "") !== "";
}

/** Where it was looked for, for people. */
export function whereEnginesAre(host: string, environment: Environment): string {
  return engineAddresses(host, environment)
    .map(({ shown }) => shown)
    .join(", ");
}
