/** For tests: a server that speaks as SQS does, on a port of its own, which keeps what it has over a restart. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFauxqs, type FauxqsServer } from "fauxqs";

export interface SqsFixture {
  readonly server: FauxqsServer;
  urlOf(queue: string): string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Of whom the queues of an emulator are. */
export const ACCOUNT = "000000000000";

export async function sqsFixture(): Promise<SqsFixture> {
  const dataDir = mkdtempSync(join(tmpdir(), "windlass-sqs-"));
  const start = (port: number): Promise<FauxqsServer> => startFauxqs({ port, dataDir, logger: false });
  await (await start(0)).stop();
  allowGivingBack(dataDir);
  let server = await start(0);
  return {
    get server() {
      return server;
    },
    urlOf: (queue) => `http://127.0.0.1:${server.port}/${ACCOUNT}/${queue}`,
    async restart() {
      const { port } = server;
      await server.stop();
      server = await start(port);
    },
    async stop() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * fauxqs 2.4 stores NULL as the count of a message whose visibility is set to 0, in a column that allows none: it answers
 * with an error and loses the message. With a column that allows it, it does what SQS does.
 */
function allowGivingBack(dataDir: string): void {
  const [file = ""] = readdirSync(dataDir).filter((name) => name.endsWith(".db"));
  const database = new DatabaseSync(join(dataDir, file));
  const { sql } = database.prepare("SELECT sql FROM sqlite_master WHERE name = 'sqs_messages'").get() as { sql: string };
  database.exec(`DROP TABLE sqs_messages; ${sql.replace(/(approximate_receive_count\s+INTEGER)\s+NOT NULL/u, "$1")}`);
  database.close();
}
