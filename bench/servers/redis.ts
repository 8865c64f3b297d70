/**
 * A Redis for one measurement that keeps what it has acknowledged: `appendfsync always` writes and flushes the log before
 * the answers of the same turn go out (redis.io, persistence). On a free port of the loopback, in a folder of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { endsWithUs, temporaryFolder } from "../cleanup.ts";

export const REDIS_MISSING = "Redis is not installed: PATH has no redis-server (Debian: apt-get install redis-server)";

export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

export function hasRedis(): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, "redis-server"), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function startRedis(): Promise<RedisServer> {
  const { folder, remove } = temporaryFolder("redis");
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    appendonly: "yes",
    appendfsync: "always",
    // The log alone is enough; a snapshot every minute would only cost time. BullMQ asks for `noeviction`.
    save: "",
    "maxmemory-policy": "noeviction",
  };
  const server = spawn(
    "redis-server",
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const end = endsWithUs(server);
  await new Promise<void>((resolve, reject) => {
    let said = "";
    server.stdout.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
      if (said.includes("Ready to accept connections")) resolve();
    });
    server.once("exit", (code) => reject(new Error(`redis-server ended with code ${code}: ${said}`)));
  });
  return {
    port,
    async stop() {
      await end();
      await remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
