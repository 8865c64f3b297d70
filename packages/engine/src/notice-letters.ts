/**
 * Dead letters of the queue for notices: looked at, sent again, struck off. They lie at the broker (decision 0026), which is asked
 * each time.
 */
import { WindlassError } from "@windlass/kernel";
import type { Removing } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import {
  letterIdOf,
  look,
  through,
  type Chosen,
  type NoticeLetter,
  type NoticeLetterFilter,
  type NoticeLetterPage,
} from "./notice-letter.ts";
import type { NoticeQueue } from "./notice-queue.ts";
import type { NoticeOptions } from "./notice-receiver.ts";
import { chooseRedrive, type ChosenRedrive, type RedriveRequest } from "./notice-redrive.ts";

/** All of these throw `unavailable` where the broker is away. */
export interface NoticeLetters {
  /** Returns where the broker answers. */
  reach(): Promise<void>;
  page(filter: NoticeLetterFilter): Promise<NoticeLetterPage>;
  choose(filter: NoticeLetterFilter): Promise<Chosen>;
  /** The same, with all that is asked before the first of them is sent again (`notice-redrive.ts`). */
  chooseRedrive(filter: NoticeLetterFilter, request: RedriveRequest): Promise<ChosenRedrive>;
  remove(ids: readonly string[]): Promise<Removing>;
}

export function noticeLetters(
  context: EngineContext,
  { queue, signatures, executionOf }: Omit<NoticeOptions, "open"> & { readonly queue: NoticeQueue },
): NoticeLetters {
  return {
    reach: async () => void (await (await queue.opened()).figures()),
    page: async (filter) => look(await queue.opened(), filter),
    async choose(filter) {
      const ids: string[] = [];
      const end = await through(await queue.opened(), filter, {
        room: () => filter.limit - ids.length,
        visit: ({ listId }) => void ids.push(listId),
      });
      return { ids, foundIds: new Set(ids), ...end };
    },
    chooseRedrive: async (filter, request) =>
      chooseRedrive({ context, signatures, executionOf }, await queue.opened(), { filter, request }),
    remove: async (ids) => (await queue.opened()).dead.remove(ids.map(letterIdOf)),
  };
}

/** Throws `not_found`, and `unavailable` where it may be among those that could not be looked at. */
export async function oneLetter(
  letters: NoticeLetters | null,
  { workspace, id }: { readonly workspace: string; readonly id: string },
): Promise<NoticeLetter> {
  const { letters: found, unseen } = (await letters?.page({ workspace, ids: [id], limit: 1 })) ?? { letters: [], unseen: null };
  const [letter] = found;
  if (letter === undefined) throw noSuchLetter(id, unseen);
  return letter;
}

/** `asked`: what it was to be besides; empty: nothing. */
export function noSuchLetter(id: string, unseen: string | null, asked = ""): WindlassError {
  return unseen === null
    ? new WindlassError("not_found", `there is no dead letter ${id}${asked}`)
    : new WindlassError("unavailable", `the dead letter ${id} was not found, and not all could be looked at: ${unseen}`);
}
