/** The operations on queues. A queue is there as soon as a job names it or somebody sets it. */
import type { QueueJson } from "@windlass/contract";
import { didYouMean, EXECUTORS, QUEUE_NAME, WindlassError, type QueueView } from "@windlass/kernel";
import { definedOnly } from "./defined-only.ts";
import { maybeTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function queueHandlers({ engine: { context } }: ServerContext): Handlers<"queues"> {
  const { queues } = context.store;
  return {
    list: async () => ({ items: (await queues.list()).map(presentQueue) }),
    get: async ({ params }) => find(params.name),
    async put({ params: { name }, body }, { principal }) {
      if (!QUEUE_NAME.test(name)) {
        const message = `"${name}" cannot name a queue; a name has lower-case letters, digits and . _ - / only`;
        throw new WindlassError("invalid", message, { faults: [{ path: "name", message }] });
      }
      await queues.put(name, { ...definedOnly(body), ...(body.paused === true ? { by: principal.name } : {}) }, context.now());
      // Its jobs may be startable now: those who wait are to look.
      for (const executor of EXECUTORS) context.bus.publish("ready", `${executor}/${name}`);
      return find(name);
    },
  };

  async function find(name: string): Promise<QueueJson> {
    const all = await queues.list();
    const found = all.find((queue) => queue.name === name);
    if (found === undefined)
      throw new WindlassError(
        "not_found",
        `there is no queue ${name}${didYouMean(
          name,
          all.map((queue) => queue.name),
        )}`,
      );
    return presentQueue(found);
  }
}

function presentQueue(queue: QueueView): QueueJson {
  return { ...queue, pausedAt: maybeTime(queue.pausedAt), oldestQueuedAt: maybeTime(queue.oldestQueuedAt) };
}
