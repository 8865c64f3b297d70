/**
 * Requests by `node:http` at both ends, to a process that makes something durable and answers: no queue whose server
 * is a program of Node can answer a call over HTTP sooner. It is what the row costs before anything is checked or decided: with a flush of one page
 * nothing is kept either; with SQLite, one row that has the job, or the rows that Windlass stores for it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { endsWithUs, temporaryFolder } from "../cleanup.ts";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import { open } from "../contenders/windlass-embedded.ts";
import type { Entrant } from "../row.ts";
import { enqueue, type EnqueueOptions } from "../workloads/enqueue.ts";

export type HttpOptions = Readonly<Record<"full" | "quick", Omit<EnqueueOptions, "inFlight">>>;

const SERVERS = join(import.meta.dirname, "..", "servers");

export const httpFlushes = (options: HttpOptions): Entrant =>
  ceiling("node:http and one flush", options, async () => ({ ...temporaryFolder("http-flushes"), program: "flushing-echo.ts" }));

export const httpRow = (options: HttpOptions): Entrant =>
  ceiling("node:http and SQLite, one row", options, async () => ({ ...temporaryFolder("http-row"), program: "inserting-echo.ts" }));

export const httpRows = (options: HttpOptions): Entrant =>
  ceiling("node:http and SQLite, the same rows", options, () => sameRows({ requests: 1, jobsOfEach: 1 }));

/** Two requests at once with half of the callers' jobs in each, as the client sends what is submitted at once. */
export const httpGroups = (options: HttpOptions, callers: number): Entrant =>
  ceiling(`node:http and SQLite, the same rows, two requests of ${callers / 2}`, options, () =>
    sameRows({ requests: 2, jobsOfEach: callers / 2 }),
  );

/** Of a job under an idempotency key, as the client gives one to each. */
async function sameRows(asking: Asking): Promise<Server> {
  const queue = await open({});
  const { id } = await queue.windlass.engine.jobs.submit({ ...JOB_OF_WINDLASS, queue: "copied", idempotencyKey: "copied" });
  await queue.windlass.close();
  const db = new DatabaseSync(join(queue.folder, "windlass.db"));
  // What is the id of the job is another one in each copy.
  db.exec("UPDATE idempotency_keys SET idempotency_key = job_id");
  db.close();
  return { folder: queue.folder, remove: () => queue.remove(), program: "inserting-echo.ts", copied: id, asking };
}

interface Asking {
  /** Under way at once. */
  readonly requests: number;
  readonly jobsOfEach: number;
}

/** A program of `bench/servers`, where it writes, and how it is asked: by one caller with one job when left out. */
interface Server {
  readonly program: string;
  readonly folder: string;
  readonly remove: () => Promise<void>;
  /** The job whose rows it copies. */
  readonly copied?: string;
  readonly asking?: Asking;
}

const ALONE: Asking = { requests: 1, jobsOfEach: 1 };

function ceiling(name: string, options: HttpOptions, serverOf: () => Promise<Server>): Entrant {
  return {
    name: `ceiling: ${name}`,
    missing: () => null,
    async measure(scale) {
      const { program, folder, remove, copied = "", asking = ALONE } = await serverOf();
      const { requests, jobsOfEach } = asking;
      const server = fork(join(SERVERS, program), [folder, copied, String(jobsOfEach)]);
      const end = endsWithUs(server);
      const [port] = (await once(server, "message")) as [number];
      const agent = new Agent({ keepAlive: true });
      const body = jobsOfEach === 1 ? JOB_OF_WINDLASS : Array.from({ length: jobsOfEach }, () => JOB_OF_WINDLASS);
      const { perSecond } = await enqueue({ enqueue: () => asked(agent, { port, body }) }, { inFlight: requests, ...options[scale] });
      agent.destroy();
      await end();
      await remove();
      return { "": perSecond * jobsOfEach };
    },
  };
}

async function asked(agent: Agent, { port, body }: { readonly port: number; readonly body: unknown }): Promise<void> {
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request({ agent, port, host: "127.0.0.1", method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => void pieces.push(piece));
      answer.once("end", () => resolve(Buffer.concat(pieces).toString()));
    });
    sent.once("error", reject);
    sent.end(JSON.stringify(body));
  });
  JSON.parse(text);
}
