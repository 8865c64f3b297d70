/** The programs that are measured, each a process: a server, a cluster watcher, and the stand-in beside them. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { client, type Client } from "@windlass/sdk";
import type { StandInOrder } from "./stand-in.ts";

const WINDLASS = fileURLToPath(new URL("../../programs/cli/bin/windlass.js", import.meta.url));
const STAND_IN = fileURLToPath(new URL("stand-in.ts", import.meta.url));

export interface Programs {
  readonly api: Client;
  readonly url: string;
  readonly token: string;
  readonly server: number;
  readonly watcher: number;
  readonly standIn: number;
  stop(): Promise<void>;
}

export interface ProgramsOrder {
  readonly folder: string;
  /** Of the account that Windlass has in the cluster. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly standIn: StandInOrder;
  /** Settings, as environment variables. */
  readonly settings: Readonly<Record<string, string>>;
}

export async function startPrograms({ folder, kubeconfig, namespace, standIn, settings }: ProgramsOrder): Promise<Programs> {
  const children: ChildProcess[] = [];
  const start = async (args: readonly string[]): Promise<{ readonly pid: number; readonly said: string }> => {
    const child = spawn(process.execPath, args, {
      env: {
        ...process.env,
        KUBECONFIG: kubeconfig,
        WINDLASS_KUBERNETES_NAMESPACE: namespace,
        WINDLASS_CONTAINERS_EXECUTOR: "kubernetes",
        WINDLASS_INTERNAL_API_TOKEN: "an-internal-token-of-a-benchmark",
        WINDLASS_LOG: "warn",
        ...settings,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [said] = (await once(child.stdout?.setEncoding("utf8") ?? child, "data")) as [string];
    return { pid: child.pid ?? 0, said };
  };
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  };
  try {
    const inPlace = await start([STAND_IN, JSON.stringify(standIn)]);
    const server = await start([WINDLASS, "server", "--port", "0", "--json", "--data", folder]);
    const { url } = JSON.parse(server.said) as { readonly url: string };
    const watcher = await start([WINDLASS, "k8s-watcher", "--server", url, "--port", "0", "--json"]);
    const token = readFileSync(join(folder, "token"), "utf8").trim();
    return { api: client({ url, token }), url, token, server: server.pid, watcher: watcher.pid, standIn: inPlace.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
