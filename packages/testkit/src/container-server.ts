/** A real container engine for tests, with settings, images and containers of its own; podman and Docker alike. */
import { delimiter, join } from "node:path";
import { isProgram } from "./is-program.ts";

export interface ContainerServer {
  readonly name: "podman" | "docker";
  /** unix://… */
  readonly host: string;
  /** An image with busybox and `/init SCRIPT`, which runs a script of `sh` as its child and hands signals on. */
  readonly image: string;
  /** Runs the engine's own program on the same containers. */
  command(...args: readonly string[]): Promise<string>;
  /** Ends the service, not its containers, and starts it again on the same socket after `meanwhile`. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface ContainerServerOptions {
  /** HOST:PORT of registries that are asked without TLS. */
  readonly insecureRegistries?: readonly string[];
}

export const BOOT_MS_MAX = 60_000;
export const LOOK_MS = 20;

/** Where each program is; null when one of them is not in PATH. */
export function findPrograms<Name extends string>(
  names: readonly Name[],
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<Name, string>> | null {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = names.flatMap((name) => {
    const path = folders.map((folder) => join(folder, name)).find(isProgram);
    return path === undefined ? [] : [[name, path] as const];
  });
  return found.length === names.length ? (Object.fromEntries(found) as Record<Name, string>) : null;
}
