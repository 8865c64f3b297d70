export { client, type ClientOptions } from "./client.ts";
export type { Client } from "./client-calls.ts";
export { logBytes } from "./log-bytes.ts";
export { logLines, type LogLine, type LogLines } from "./log-lines.ts";
export type { CallOptions } from "./ongoing-call.ts";
export type { Pause } from "./pause.ts";
export type { HandlersByName, InputOf, SubmitOptions } from "./submit-job.ts";
export type { TailedLine, TailOptions } from "./tail-lines.ts";
export type { WaitOptions } from "./wait-for-job.ts";
export { hasCode, isWindlassError, WindlassError, type ErrorCode, type Fault, type Json, type JsonObject } from "@windlass/kernel";
export type {
  AttemptJson,
  EventJson,
  ExplanationJson,
  JobDetailJson,
  JobJson,
  LogChunkJson,
  LogItemJson,
  QueueJson,
  StepJson,
  Submission,
  SubmittedJson,
  SystemJson,
  WatchItemJson,
  WorkflowDetailJson,
  WorkflowJson,
} from "@windlass/contract";
export { withInput, type StandardSchema } from "./checked-input.ts";
export { worker, type Worker, type WorkerOptions, type WorkerServer, type WorkerState } from "./worker.ts";
export type { WorkerNotice } from "./worker-core.ts";
export { deferFor, failForGood, invalidInput, parked, retryAfter, type Answer, type Handler, type HandlerContext } from "@windlass/kernel";
