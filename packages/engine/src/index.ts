export { traceWait } from "./attempt-trace.ts";
export type { Access } from "./access.ts";
export type { Holder } from "./access-cache.ts";
export { ADMIN, type NewToken } from "./access-tokens.ts";
export { STRANGER, type Audit, type Audited } from "./audit.ts";
export type { Callback, CallbackAnswer, Callbacks, StaleReason } from "./callbacks.ts";
export { claimLoop, type Carrier, type ClaimLoop } from "./claims.ts";
export { commandGate, refusalOf, type CommandGate } from "./command-gate.ts";
export { engineContext, type EngineContext, type EnginePorts } from "./context.ts";
export { engine, type Engine, type EngineOptions } from "./engine.ts";
export type { Explain, ExplainedCause, Explanation } from "./explain.ts";
export { OTHER_QUEUES, QUEUES_MAX, type Figures, type Spread } from "./figures.ts";
export type { Feed, FeedItem, Subscription } from "./feed.ts";
export { deferFor, failForGood, isAnswer, parked, retryAfter, type Answer, type Handler, type HandlerContext } from "@windlass/kernel";
export { maskedResult, maskOfId } from "./handler-host.ts";
export * from "./job-kind.ts";
export type { Jobs, Submitted } from "./jobs.ts";
export { jobsWithin, type JobsWithin } from "./jobs-within.ts";
export { cancelMany, retryMany, type BulkAnswer } from "./jobs-in-bulk.ts";
export { localBus } from "./local-bus.ts";
export { givenSecrets, maskOfAttempt, withheld, type Given } from "./given-secrets.ts";
export type { KeyRing } from "./key-ring.ts";
export type { Rotation, Secrets } from "./secrets.ts";
export { loop, serviceOf, together, type Loop, type Service } from "./service.ts";
export type { NoticeOptions } from "./notice-receiver.ts";
export {
  NOTICE_LETTER,
  oneLetter,
  type NoticeLetter,
  type NoticeLetterFilter,
  type NoticeLetterPage,
  type NoticeLetters,
} from "./notice-letters.ts";
export { noticeSender } from "./notice-services.ts";
export { noticeSignatures, SIGNING_MODES, type NoticeSignatures } from "./notice-signatures.ts";
export { openReportedSession, type ReportedSession } from "./session.ts";
export { settling, type Settling } from "./settling.ts";
export { preparedRecords } from "./prepared-records.ts";
export { leadership, type Lead } from "./lead.ts";
export { noteWorked } from "./runner-token.ts";
export { steadyTime } from "./steady-time.ts";
export type { RunnerRules } from "./runners.ts";
export { PAYLOAD_LENGTH_MAX, recordOf, type SubmitRequest } from "./submit.ts";
export { dueChange } from "./timers.ts";
export type { LogAnswer, LogStaleReason, ToldAnswer, ToldAttempt, ToldLogs, ToldPiece } from "./told-logs.ts";
export type { Worker, WorkerOptions } from "./worker.ts";
export type { WebhookRequest, Webhooks } from "./webhooks.ts";
