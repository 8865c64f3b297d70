/**
 * Doors between this machine and the network of the test cluster, which nothing else reaches: each is a socket file on one
 * side and an address on the other. Runs inside the cluster's network namespace and ends with its standard input.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { promisify } from "node:util";

export interface Door {
  /** A path, or HOST:PORT inside the cluster's network. */
  readonly listen: string;
  readonly connect: string;
}

export interface Doors {
  close(): Promise<void>;
}

/** `pid`: of a process in the namespace. */
export async function openDoors(pid: number, doors: readonly Door[]): Promise<Doors> {
  const inside = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, process.execPath, import.meta.filename, JSON.stringify(doors)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(inside, "exit");
  await Promise.race([
    once(inside.stdout, "data"),
    ended.then(() => {
      throw new Error("the doors did not open");
    }),
  ]);
  return {
    async close() {
      inside.stdin.end();
      await ended;
    },
  };
}

/**
 * Makes the address of a Service one that processes of this machine reach: it is turned into that of a pod on its way out, and
 * for there to be a way it needs a route. They come from the address of node 1.
 */
export async function routeTo(pid: number, service: string): Promise<void> {
  const route = ["busybox", "ip", "route", "replace", `${service}/32`, "dev", "lo", "src", NODE_1];
  await promisify(execFile)("nsenter", [`--net=/proc/${pid}/ns/net`, ...route]);
}

/** Where pods reach servers of this machine. */
export const NODE_1 = "10.97.0.1";

/** A port of 127.0.0.1 that leads to a socket file. */
export async function portTo(path: string): Promise<{ readonly port: number; close(): void }> {
  const server = forwarding(path);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as net.AddressInfo).port, close: () => void server.close() };
}

function forwarding(to: string): net.Server {
  return net.createServer((from) => {
    const other = net.connect(placeOf(to));
    from.on("error", () => other.destroy()).pipe(other);
    other.on("error", () => from.destroy()).pipe(from);
  });
}

function placeOf(text: string): net.TcpSocketConnectOpts | net.IpcSocketConnectOpts {
  const [, host, port] = /^([\d.]+):(\d+)$/u.exec(text) ?? [];
  return host === undefined ? { path: text } : { host, port: Number(port) };
}

if (import.meta.main) {
  for (const { listen, connect } of JSON.parse(process.argv[2] ?? "[]") as readonly Door[]) {
    const server = forwarding(connect);
    server.listen(placeOf(listen));
    await once(server, "listening");
  }
  process.stdout.write("open\n");
  process.stdin.on("end", () => process.exit(0)).resume();
}
