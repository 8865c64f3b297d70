/** A way to the API server of a cluster that can be cut: what goes through it is broken off, and nothing goes until it is open again. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import net from "node:net";

export interface Door {
  /** Of a kubeconfig that goes through it. */
  readonly kubeconfig: string;
  cut(): void;
  open(): void;
  close(): void;
}

/** `file`: where its kubeconfig is written. */
export async function doorTo(kubeconfig: string, file: string): Promise<Door> {
  const text = readFileSync(kubeconfig, "utf8");
  const target = new URL(/server: (\S+)/u.exec(text)?.[1] ?? "");
  const connections = new Set<net.Socket>();
  let isOpen = true;
  const server = net.createServer((outside) => {
    outside.on("error", () => outside.destroy());
    if (!isOpen) return void outside.destroy();
    const inside = net.connect(Number(target.port), target.hostname);
    inside.on("error", () => outside.destroy());
    for (const [one, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      connections.add(one);
      one.once("close", () => void (connections.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  writeFileSync(file, text.replace(/server: \S+/u, `server: https://127.0.0.1:${port}`), { mode: 0o600 });
  const breakOff = (): void => {
    for (const one of connections) one.destroy();
  };
  return {
    kubeconfig: file,
    cut() {
      isOpen = false;
      breakOff();
    },
    open: () => void (isOpen = true),
    close() {
      server.close();
      breakOff();
    },
  };
}
