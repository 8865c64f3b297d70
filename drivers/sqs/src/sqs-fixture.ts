/** For tests: a server that speaks as SQS does, on a port of its own, which keeps what it has over a restart. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { freePort } from "@windlass/testkit/free-port";
import { startFauxqs, type FauxqsServer } from "fauxqs";

export interface SqsFixture {
  readonly server: FauxqsServer;
  urlOf(queue: string): string;
  /** As another program puts it there, which knows nothing of this driver. */
  put(queue: string, message: { readonly body: string; readonly attributes: Readonly<Record<string, string>> }): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Of whom the queues of an emulator are. */
export const ACCOUNT = "000000000000";

export async function sqsFixture(): Promise<SqsFixture> {
  const dataDir = mkdtempSync(join(tmpdir(), "windlass-sqs-"));
  const port = await freePort();
  const start = (): Promise<FauxqsServer> => startFauxqs({ port, dataDir, logger: false });
  await (await start()).stop();
  allowGivingBack(dataDir);
  let server = await start();
  const urlOf = (queue: string): string => `http://127.0.0.1:${server.port}/${ACCOUNT}/${queue}`;
  return {
    get server() {
      return server;
    },
    urlOf,
    async put(queue, { body, attributes }) {
      const credentials = { accessKeyId: "test", secretAccessKey: "test" };
      const client = new SQSClient({ endpoint: server.address, region: "us-east-1", credentials });
      const told = Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }] as const);
      const message = { QueueUrl: urlOf(queue), MessageBody: body, MessageAttributes: Object.fromEntries(told) };
      await client.send(new SendMessageCommand(message));
      client.destroy();
    },
    async restart() {
      await server.stop();
      server = await start();
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
