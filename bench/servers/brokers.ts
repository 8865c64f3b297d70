/** The brokers of notices, each a process of its own with data of its own on this machine. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { testNats, type TestNats } from "@windlass/testkit/nats";
import { endsLater, endsWithUs, temporaryFolder } from "../cleanup.ts";

let nats: TestNats | null = null;

/** Looked for, or fetched, once. */
const natsHere = (): TestNats => (nats ??= testNats({ ...process.env, CI: "" }));

export const natsMissing = (): string | null => (natsHere().missing ? "there is no NATS (said above)" : null);

export interface RunningBroker {
  readonly url: string;
  stop(): Promise<void>;
}

/** JetStream in files, flushed as NATS does by itself: every two minutes. */
export async function startNats(): Promise<RunningBroker> {
  const server = await natsHere().start();
  const stop = endsLater(() => server.stop());
  return { url: server.url, stop };
}

/** An emulator: what it costs is not what Amazon SQS costs, which is a way over the network. */
export async function startSqs(): Promise<RunningBroker> {
  const { folder, remove } = temporaryFolder("sqs");
  const server = fork(join(import.meta.dirname, "sqs-server.ts"), [folder]);
  const end = endsWithUs(server);
  const [port] = (await once(server, "message")) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await end();
      await remove();
    },
  };
}
