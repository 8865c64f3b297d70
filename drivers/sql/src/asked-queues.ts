/** Which of the queues with something ready a claim asks for that names none by their keys. */
import { queueOfKey } from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";

export function askedQueues(ready: readonly string[], { queueName }: Pick<ClaimRequest, "queueName">): readonly string[] {
  return queueName === undefined ? ready : ready.filter((key) => queueOfKey(key).name === queueName);
}
