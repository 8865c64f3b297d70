/** What those tell who watch containers. */
import type { Callback, CallbackAnswer, LogAnswer, ToldAnswer } from "@windlass/engine";
import { wholeSeconds, type Json, type JsonObject } from "@windlass/kernel";
import { MAIN_CONTAINER } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function callbackHandlers({ engine: { callbacks, toldLogs } }: ServerContext): Handlers<"callbacks"> {
  return {
    async step({ params: { executionId, step }, body }) {
      const { iteration = null, attempt = null, ...account } = body;
      return answerOf(await callbacks.ofStep({ executionId, step, iteration }, callbackOf(account, attempt)));
    },
    async facts({ params: { id, attempt }, body }) {
      const { podUid, podName, node, ...account } = body;
      return answerOf(await callbacks.ofJob(id, callbackOf(account, attempt, definedOnly({ podUid, podName, node }))));
    },
    async logs({ params: { id, attempt }, query, body }) {
      const { jobName, jobUid = null, at, last, lost, first, gap, lastTime, lastOffset, ...source } = query;
      const told = { jobId: id, attempt, name: jobName, ref: jobUid };
      const piece = {
        ...{ ...source, data: body.bytes, at: at === undefined ? null : Date.parse(at) },
        ...{ isLast: last, isRestLost: lost, isFirst: first, isBehindGap: gap },
        last: lastTime === undefined || lastOffset === undefined ? null : { time: lastTime, offset: lastOffset },
      };
      return logAnswerOf(await toldLogs.take(told, piece));
    },
    async toldLogs({ params: { id, attempt }, query: { jobName, jobUid = null } }) {
      return sourcesOf(await toldLogs.told({ jobId: id, attempt, name: jobName, ref: jobUid }));
    },
    async undelivered({ body }) {
      callbacks.undelivered(definedOnly(body));
      return { status: "noted" };
    },
    async turn({ body: { name, holder, ttlSeconds } }) {
      return { holds: await callbacks.turn({ name, holder, ttlMs: wholeSeconds(ttlSeconds) }) };
    },
  };
}

function logAnswerOf(answer: LogAnswer) {
  if (answer.status === "accepted_stale") return { status: answer.status, reason: answer.reason };
  if (answer.status === "moved")
    return { status: answer.status, next: answer.next, ...(answer.last === null ? {} : { last: answer.last }) };
  return { status: answer.status, next: answer.next };
}

function sourcesOf(answer: ToldAnswer) {
  if (answer.status === "accepted_stale") return { status: answer.status, reason: answer.reason, sources: [] };
  return {
    status: answer.status,
    sources: answer.sources.map(({ stream, container = MAIN_CONTAINER, until: next, isCut: cut }) => ({ container, stream, next, cut })),
  };
}

interface Account {
  readonly state: Callback["state"];
  readonly jobName: string;
  readonly jobUid?: string | undefined;
  readonly completedAt?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly output?: Json | undefined;
  readonly evidence?: JsonObject | undefined;
  readonly stdoutUri?: string | undefined;
  readonly stderrUri?: string | undefined;
}

function callbackOf(account: Account, attempt: number | null, more: JsonObject = {}): Callback {
  const { state, jobName, jobUid = null, exitCode = null, reason = null, message = null, output, evidence = {} } = account;
  const { completedAt, stdoutUri, stderrUri } = account;
  return {
    attempt,
    state,
    name: jobName,
    ref: jobUid,
    exitCode,
    reason,
    message,
    output,
    evidence: { ...evidence, ...definedOnly({ completedAt, stdoutUri, stderrUri }), ...more },
  };
}

function answerOf(answer: CallbackAnswer) {
  if (answer.status === "accepted_stale") return { status: answer.status, reason: answer.reason };
  return { status: answer.status, event_id: answer.eventId };
}
