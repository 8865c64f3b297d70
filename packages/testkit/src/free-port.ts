/**
 * A port of the loopback that nothing listens on now, for servers that must come back where they were. It lies below those
 * that systems choose for connections: one of these would be somebody's connection while its server is away.
 */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

const FROM = 10_000;
/** Linux chooses from 32768 on. */
const BELOW = 30_000;

export async function freePort(): Promise<number> {
  for (;;) {
    // By the choice of the system, which differs from process to process.
    const port = FROM + (((await portOf(0)) ?? 0) % (BELOW - FROM));
    if ((await portOf(port)) !== null) return port;
  }
}

/** Null: somebody has it. */
async function portOf(wanted: number): Promise<number | null> {
  const server = createServer();
  try {
    await once(server.listen(wanted, "127.0.0.1"), "listening");
  } catch {
    return null;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
