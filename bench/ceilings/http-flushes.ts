/**
 * One request after the other by `node:http` at both ends, to a process that makes something durable and answers: no queue whose server
 * is a program of Node can answer a call over HTTP sooner. It is what the row costs before anything is checked or decided: with a flush of one page
 * nothing is kept either; with SQLite, one row that has the job, or the rows that Windlass stores for it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { endsWithUs, temporaryFolder } from "../cleanup.ts";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import { open } from "../contenders/windlass-embedded.ts";
import type { Entrant } from "../row.ts";
import { enqueue, type EnqueueOptions } from "../workloads/enqueue.ts";

export type HttpOptions = Readonly<Record<"full" | "quick", Omit<EnqueueOptions, "inFlight">>>;

const SERVERS = join(import.meta.dirname, "..", "servers");
const BODY = JSON.stringify(JOB_OF_WINDLASS);

export const httpFlushes = (options: HttpOptions): Entrant =>
  ceiling("node:http and one flush", options, async () => ({ ...temporaryFolder("http-flushes"), program: "flushing-echo.ts" }));

export const httpRow = (options: HttpOptions): Entrant =>
  ceiling("node:http and SQLite, one row", options, async () => ({ ...temporaryFolder("http-row"), program: "inserting-echo.ts" }));

export const httpRows = (options: HttpOptions): Entrant =>
  ceiling("node:http and SQLite, the same rows", options, async () => {
    const queue = await open({});
    const { id } = await queue.windlass.engine.jobs.submit({ ...JOB_OF_WINDLASS, queue: "copied" });
    await queue.windlass.close();
    return { folder: queue.folder, remove: () => queue.remove(), program: "inserting-echo.ts", copied: id };
  });

/** A program of `bench/servers`, and where it writes. */
interface Server {
  readonly program: string;
  readonly folder: string;
  readonly remove: () => Promise<void>;
  /** The job whose rows it copies. */
  readonly copied?: string;
}

function ceiling(name: string, options: HttpOptions, serverOf: () => Promise<Server>): Entrant {
  return {
    name: `ceiling: ${name}`,
    missing: () => null,
    async measure(scale) {
      const { program, folder, remove, copied = "" } = await serverOf();
      const server = fork(join(SERVERS, program), [folder, copied]);
      const end = endsWithUs(server);
      const [port] = (await once(server, "message")) as [number];
      const agent = new Agent({ keepAlive: true });
      const { perSecond } = await enqueue({ enqueue: () => asked(agent, port) }, { inFlight: 1, ...options[scale] });
      agent.destroy();
      await end();
      await remove();
      return { "": perSecond };
    },
  };
}

async function asked(agent: Agent, port: number): Promise<void> {
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request({ agent, port, host: "127.0.0.1", method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => void pieces.push(piece));
      answer.once("end", () => resolve(Buffer.concat(pieces).toString()));
    });
    sent.once("error", reject);
    sent.end(BODY);
  });
  JSON.parse(text);
}
