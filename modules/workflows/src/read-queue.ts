/** Reads the name of a queue: of a workflow, a step or its tool. */
import { faultOfNamedQueue, QUEUE_NAME } from "@windlass/kernel";
import type { Fields } from "./fields.ts";
import { shown } from "./finding.ts";

/** A queue's name, when one is given. */
export function readQueue(fields: Fields): string | undefined {
  const queue = fields.text("queue");
  if (queue !== undefined && !QUEUE_NAME.test(queue))
    fields.fault("queue", `${shown(queue)} is no name of a queue: lower-case letters, digits and . _ / - only`);
  else if (queue !== undefined) {
    const fault = faultOfNamedQueue(queue);
    if (fault !== null) fields.fault("queue", fault);
  }
  return queue;
}
