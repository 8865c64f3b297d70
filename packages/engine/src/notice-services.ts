/** What goes on at the queue for notices in one process, as long as it runs. */
import type { EngineContext } from "./context.ts";
import type { Jobs } from "./jobs.ts";
import { noticeLetters, type NoticeLetters } from "./notice-letters.ts";
import { noticeQueue, type NoticeQueue } from "./notice-queue.ts";
import { noticeRelay } from "./notice-relay.ts";
import { noticeReceiver, type NoticeOptions } from "./notice-receiver.ts";
import { serviceOf, together, type Service } from "./service.ts";

export interface NoticeServices {
  readonly letters: NoticeLetters;
  /** `session`: under which it leads. */
  readonly services: (session: () => string) => readonly Service[];
}

/** For a server or a spawner: what is stored is told of, and what comes is taken. */
export function noticeServices(context: EngineContext, jobs: Pick<Jobs, "submit">, options: NoticeOptions): NoticeServices {
  const { open, signatures, executionOf } = options;
  const queue = noticeQueue(context, open);
  return {
    letters: noticeLetters(context, { queue, signatures, executionOf }),
    services: (session) => [
      keptOpen(queue),
      noticeRelay(context, { session, queue, signatures }),
      noticeReceiver(context, jobs, { queue, signatures, executionOf }),
    ],
  };
}

/** For a dispatcher, which takes nothing: only what is stored is told of. */
export function noticeSender(
  context: EngineContext,
  { open, signatures, session }: Pick<NoticeOptions, "open" | "signatures"> & { readonly session: () => string },
): Service {
  const queue = noticeQueue(context, open);
  return together("notice sender", [keptOpen(queue), noticeRelay(context, { session, queue, signatures })]);
}

/** Started first, and so stopped last. */
function keptOpen(queue: NoticeQueue): Service {
  return serviceOf("notice queue", async () => {
    await queue.tryOnce();
    return () => queue.close();
  });
}
