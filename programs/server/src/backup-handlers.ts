/**
 * Taking a back-up while the server works.
 *
 * B1. One at a time: two would only slow each other down.
 * B2. Whoever asked and has gone ends it, and nothing is left of it.
 */
import { problemOf, type BackupItemJson, type BackupStep } from "@windlass/contract";
import { isWindlassError, messageOf, WindlassError } from "@windlass/kernel";
import { alarm } from "./alarm.ts";
import type { Handlers, ServerContext, StreamItem } from "./server-context.ts";

/** How long a caller waits for news at most; steps come sooner. */
const REST_MS = 5_000;

type Item = StreamItem<BackupItemJson>;

export function backupHandlers({ backUp, engine: { context } }: ServerContext): Handlers<"backups"> {
  let underWay = false;
  return {
    async create({ body: { folder } }, { signal }) {
      if (backUp === undefined) throw new WindlassError("conflict", "this server keeps everything in memory; there is nothing to back up");
      if (underWay) throw new WindlassError("conflict", "a back-up is under way; take the next one when it is done");
      const place = backUp.place(folder);
      underWay = true;
      return items(place, signal);
    },
  };

  async function* items(folder: string, signal: AbortSignal): AsyncGenerator<Item> {
    const bell = alarm(context.clock, signal);
    const left = new AbortController();
    const news: { step: BackupStep | null; last: BackupItemJson | null } = { step: null, last: null };
    const onStep = (step: BackupStep): void => {
      news.step = step;
      bell.ring();
    };
    const done = (backUp?.take({ folder, onStep, signal: AbortSignal.any([signal, left.signal]) }) ?? Promise.reject(new Error("none")))
      .then<BackupItemJson, BackupItemJson>(
        (backup) => ({ type: "end", backup, folder }),
        (error: unknown) => failed(error),
      )
      .then((last) => {
        news.last = last;
        bell.ring();
      });
    try {
      while (news.last === null && !signal.aborted) {
        await bell.rest(REST_MS);
        const { step } = news;
        news.step = null;
        if (step !== null) yield { item: { type: "step", step } };
      }
      if (news.last !== null) yield { item: news.last };
    } finally {
      left.abort();
      await done;
      underWay = false;
    }
  }

  function failed(error: unknown): BackupItemJson {
    context.logger.error("a back-up failed", { error: messageOf(error) });
    const told = isWindlassError(error) ? error : new WindlassError("internal", `the back-up failed: ${messageOf(error)}`);
    return { type: "failed", problem: problemOf(told) };
  }
}
