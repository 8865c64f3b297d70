/** What Windlass can use when it is there: a server, a store, container engines, a cluster, a message broker. */
import { execFile } from "node:child_process";
import { connect as connectTo } from "node:net";
import { messageOf } from "@windlass/kernel";
import { storeNameOf } from "../compose/store-name.ts";
import type { Connection } from "../connection/connect.ts";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import type { Check, Finding } from "./check.ts";

/** A program that has not answered by then is as good as absent. */
const ANSWER_MS_MAX = 3_000;
const NATS_PORT = 4222;
const POSTGRES_PORT = 5432;

export function checksOfSurroundings(environment: Environment, connection: Connection): readonly Check[] {
  return [
    () => checkServer(connection),
    () => checkStore(environment["WINDLASS_STORE_URL"] ?? ""),
    checkContainers,
    checkCluster,
    () => checkNats(environment["NATS_URL"] ?? ""),
  ];
}

async function checkServer({ client, url }: Connection): Promise<Finding> {
  const gives = "carries jobs out; start one with: windlass server";
  try {
    const info = await client.system.info();
    return { name: "server", status: "ok", found: `${info.version} at ${url}, store ${info.store}`, gives };
  } catch (error) {
    return { name: "server", status: "missing", found: messageOf(error).replace(/; start one.*$/u, ""), gives };
  }
}

async function checkStore(url: string): Promise<Finding> {
  const gives = "several servers on one store, with WINDLASS_STORE_URL=postgres://…";
  if (url === "") return { name: "postgres", status: "missing", found: "WINDLASS_STORE_URL is not set; jobs are kept in SQLite", gives };
  try {
    storeNameOf(url);
    const [, host = "", port = ""] = /@([^:/?]+)(?::(\d+))?/u.exec(url) ?? [];
    if (host === "")
      return { name: "postgres", status: "ok", found: "a socket on this machine, which is tried when the server starts", gives };
    await reached(host, port === "" ? POSTGRES_PORT : Number(port));
    return { name: "postgres", status: "ok", found: `${host}:${port === "" ? POSTGRES_PORT : port} answers`, gives };
  } catch (error) {
    return { name: "postgres", status: "failed", found: messageOf(error), gives };
  }
}

async function checkContainers(): Promise<Finding> {
  const gives = "steps that run in containers (they come in a later version)";
  const misses: string[] = [];
  for (const program of ["docker", "podman"]) {
    const { text, failure } = await answerOf(program, ["version", "--format", "{{.Server.Version}}"]);
    if (failure === null) return { name: "containers", status: "ok", found: `${program} ${text}`, gives };
    misses.push(`${program}: ${failure}`);
  }
  return { name: "containers", status: "missing", found: misses.join("; "), gives };
}

async function checkCluster(): Promise<Finding> {
  const gives = "jobs on a Kubernetes cluster (they come in a later version)";
  const { text, failure } = await answerOf("kubectl", ["config", "current-context"]);
  return failure === null
    ? { name: "kubernetes", status: "ok", found: `context ${text}`, gives }
    : { name: "kubernetes", status: "missing", found: `kubectl: ${failure}`, gives };
}

async function checkNats(url: string): Promise<Finding> {
  const gives = "wake-ups and queues between servers over NATS (they come in a later version)";
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const host = address?.hostname ?? "127.0.0.1";
  const port = address?.port === undefined || address.port === "" ? NATS_PORT : Number(address.port);
  try {
    await reached(host, port);
    return { name: "nats", status: "ok", found: `${host}:${port} answers`, gives };
  } catch (error) {
    return { name: "nats", status: "missing", found: messageOf(error), gives };
  }
}

/** The first line that a program prints, or why there is none. */
function answerOf(program: string, args: readonly string[]): Promise<{ readonly text: string; readonly failure: string | null }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: ANSWER_MS_MAX, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const line = (text: string): string => text.trim().split("\n")[0] ?? "";
      if (error === null) return resolve({ text: line(stdout), failure: null });
      if ("code" in error && error.code === "ENOENT") return resolve({ text: "", failure: "not installed" });
      return resolve({
        text: "",
        failure: line(stderr) === "" ? (error.killed === true ? "does not answer" : line(error.message)) : line(stderr),
      });
    });
  });
}

function reached(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTo({ host, port });
    const cancel = systemClock.after(ANSWER_MS_MAX, () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once("connect", () => {
      cancel();
      socket.destroy();
      resolve();
    });
    socket.once("error", (error) => {
      cancel();
      reject(new Error(`nothing listens on ${host}:${port}`, { cause: error }));
    });
  });
}
