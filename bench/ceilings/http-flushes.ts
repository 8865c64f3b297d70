/**
 * One request after the other by `node:http` at both ends, to a process that flushes one page and gives the body back: no queue whose server
 * is a program of Node can answer a call over HTTP sooner. It is what the row costs before anything is checked, decided or kept.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { endsWithUs, temporaryFolder } from "../cleanup.ts";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { enqueue, type EnqueueOptions } from "../workloads/enqueue.ts";

const PROGRAM = join(import.meta.dirname, "..", "servers", "flushing-echo.ts");
const BODY = JSON.stringify(JOB_OF_WINDLASS);

export function httpFlushes(options: Readonly<Record<"full" | "quick", Omit<EnqueueOptions, "inFlight">>>): Entrant {
  return {
    name: "ceiling: node:http and one flush",
    missing: () => null,
    async measure(scale) {
      const { folder, remove } = temporaryFolder("http-flushes");
      const server = fork(PROGRAM, [folder]);
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

function asked(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: "127.0.0.1", method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
      answer.once("end", resolve);
      answer.resume();
    });
    sent.once("error", reject);
    sent.end(BODY);
  });
}
