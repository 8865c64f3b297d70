/** What a worker asks for in its first message, and whether it may have it. */
import { faultOfHandlers, WORKER_PROTOCOL, type WorkerHello } from "@windlass/contract";
import { executionOfQueue, QUEUE_NAME, QUEUE_NAME_RULE, WindlassError } from "@windlass/kernel";

/** The names of the queues that it may serve, each once. Throws for what is not its own, for more than is kept of a worker, and for another version. */
export function queuesOf({ protocol, queues, handlers }: WorkerHello, execution: string | null): readonly string[] {
  if (protocol !== WORKER_PROTOCOL)
    throw new WindlassError(
      "bad_request",
      `the worker speaks version ${protocol} of the protocol, this server ${WORKER_PROTOCOL}; use the same version of both`,
    );
  for (const queue of queues) {
    if (executionOfQueue(queue) !== execution)
      throw new WindlassError(
        "forbidden",
        execution === null
          ? `the queue ${queue} is served by the runner of its execution only`
          : `a runner serves the queue of its own execution, not ${queue}`,
      );
    if (!QUEUE_NAME.test(queue))
      throw new WindlassError("invalid", `${JSON.stringify(queue)} is no name of a queue; it has ${QUEUE_NAME_RULE}`);
  }
  const fault = faultOfHandlers(handlers, queues);
  if (fault !== null) throw new WindlassError("invalid", fault);
  return [...new Set(queues)];
}
