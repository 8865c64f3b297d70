/** A Windlass server in a process of its own, as people start it, on a free port and a folder of its own. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { endsWithUs, temporaryFolder } from "../cleanup.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "programs", "cli", "bin", "windlass.js");

export interface ServerOptions {
  /** A folder that is there already, and stays. */
  readonly folder?: string;
}

export interface WindlassServer {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly client: Client;
  /** Processor time that the process and its threads have used since they started. */
  cpuMs(): number;
  /** What the process holds in memory. */
  memoryBytes(): number;
  stop(): Promise<void>;
}

export async function startServer(options: ServerOptions = {}): Promise<WindlassServer> {
  const own = options.folder === undefined ? temporaryFolder("server") : null;
  const folder = options.folder ?? own?.folder ?? "";
  const server = spawn(process.execPath, [PROGRAM, "server", "--port", "0", "--data", folder, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, WINDLASS_LOG: "warn" },
  });
  const end = endsWithUs(server);
  const { url, pid } = await new Promise<{ readonly url: string; readonly pid: number }>((resolve, reject) => {
    let said = "";
    let complained = "";
    server.stderr.setEncoding("utf8").on("data", (text: string) => (complained = (complained + text).slice(-4_000)));
    server.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("\n")) resolve(JSON.parse(said.slice(0, said.indexOf("\n"))) as { readonly url: string; readonly pid: number });
    });
    server.once("exit", (code) => reject(new Error(`the server ended with code ${code}: ${complained}`)));
  });
  const token = readFileSync(join(folder, "token"), "utf8").trim();
  return {
    url,
    token,
    pid,
    client: client({ url, token }),
    cpuMs: () => cpuMsOf(pid),
    memoryBytes: () => memoryBytesOf(pid),
    async stop() {
      await end();
      await own?.remove();
    },
  };
}

/** The sum over its threads, of the first field: nanoseconds on a processor (kernel documentation, sched-stats). */
function cpuMsOf(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

function memoryBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1_024;
}
