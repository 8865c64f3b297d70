/** What goes on at the queue for notices in one process, as long as its engine runs. */
import type { EngineContext } from "./context.ts";
import type { Jobs } from "./jobs.ts";
import { noticeQueue, type NoticeQueue } from "./notice-queue.ts";
import { noticeReceiver, type NoticeOptions } from "./notice-receiver.ts";
import { serviceOf, type Service } from "./service.ts";

export interface NoticeServices {
  readonly queue: NoticeQueue;
  readonly services: () => readonly Service[];
}

export function noticeServices(context: EngineContext, jobs: Pick<Jobs, "submit">, options: NoticeOptions): NoticeServices {
  const queue = noticeQueue(context, options.open);
  return {
    queue,
    // First what is stopped last.
    services: () => [serviceOf("notice queue", async () => () => queue.close()), noticeReceiver(context, jobs, { ...options, queue })],
  };
}
