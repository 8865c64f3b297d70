/**
 * Everything the store can be asked, as one table: name → function on a connection. The fronts differ only in where they
 * run it. `writes` need the write transaction; `near` are quick reads of what the services work on; `far` are reads that
 * may take a while and run on a connection of their own.
 */
import {
  addAudit,
  addRole,
  addToken,
  addWorkspace,
  listAudit,
  listRoles,
  listTokens,
  listWorkspaces,
  pruneAudit,
  removeRole,
  removeWorkspace,
  revokeToken,
  tokenByHash,
  tokensByIds,
  tokenUsed,
} from "./access.ts";
import { keepAnswer, pruneAnswers, releaseAnswer, takeAnswer } from "./answers.ts";
import { claim, stateOfQueue, waitingInQueue } from "./claim-jobs.ts";
import { commit, tidy, unblock } from "./commit-jobs.ts";
import type { Database } from "./database.ts";
import { listDeadLetters, markRedriven, removeDeadLetters } from "./dead-letters.ts";
import { cursor, due, live, nextDue, records, woken } from "./job-queries.ts";
import {
  counts,
  feed,
  feedEnd,
  getChild,
  getJob,
  keyHolders,
  listAttempts,
  listEvents,
  listJobs,
  madeUnder,
  tallyJobs,
} from "./job-reads.ts";
import { getQueue, listQueues, putQueue, removeQueue } from "./queues.ts";
import { endedRoots, removeTrees } from "./retention.ts";
import { findSecrets, listSecrets, putSecret, removeSecret, resealSecret, secretKeys, secretsSealedOtherwise } from "./secrets.ts";
import { getFeedPlace, moveFeedPlace } from "./feed-places.ts";
import {
  beat,
  closeSession,
  definitionById,
  definitionVersions,
  disableDefinition,
  disabledDefinitions,
  enableDefinition,
  getDefinition,
  lead,
  listDefinitions,
  listSessions,
  openSession,
  putDefinition,
  removeDefinition,
  listPlaces,
  putPlace,
} from "./small-stores.ts";

import {
  dispatchSchedules,
  dueSchedules,
  getSchedule,
  listOccurrences,
  listSchedules,
  nextDueSchedule,
  pruneOccurrences,
  putSchedule,
  removeSchedule,
} from "./schedules.ts";
import {
  listDeliveries,
  listWebhooks,
  markWebhook,
  pruneDeliveries,
  putWebhook,
  recordDelivery,
  redriveDeliveries,
  removeWebhook,
  takeForWebhook,
} from "./webhooks.ts";

const writes = {
  commit,
  claim,
  unblock,
  tidy,
  putQueue,
  removeQueue,
  markRedriven,
  removeDeadLetters,
  openSession,
  beat,
  closeSession,
  lead,
  putDefinition,
  disableDefinition,
  enableDefinition,
  removeDefinition,
  putPlace,
  removeTrees,
  addWorkspace,
  removeWorkspace,
  addRole,
  removeRole,
  addToken,
  revokeToken,
  tokenUsed,
  addAudit,
  pruneAudit,
  putSecret,
  removeSecret,
  resealSecret,
  takeAnswer,
  keepAnswer,
  releaseAnswer,
  pruneAnswers,
  moveFeedPlace,
  putWebhook,
  removeWebhook,
  takeForWebhook,
  recordDelivery,
  markWebhook,
  redriveDeliveries,
  pruneDeliveries,
  putSchedule,
  removeSchedule,
  dispatchSchedules,
  pruneOccurrences,
  ping: pingWritable,
  putTaken,
};
const near = { due, nextDue, woken, cursor, records, getQueue, stateOfQueue, waitingInQueue, dueSchedules, nextDueSchedule };
/** Reads of tables that have no rows of jobs that were taken in (intake.ts). */
const beside = {
  listDeadLetters,
  listSessions,
  getDefinition,
  definitionById,
  definitionVersions,
  disabledDefinitions,
  listDefinitions,
  listPlaces,
  listWorkspaces,
  listRoles,
  listTokens,
  tokenByHash,
  tokensByIds,
  listAudit,
  listWebhooks,
  listDeliveries,
  getSchedule,
  // Further pages, while the one before is being written; the first must not wait behind a long list.
  moreDueSchedules: dueSchedules,
  listSchedules,
  listOccurrences,
  listSecrets,
  findSecrets,
  secretsSealedOtherwise,
  secretKeys,
  getFeedPlace,
};
export const far = {
  live,
  getJob,
  getChild,
  madeUnder,
  listJobs,
  tallyJobs,
  listAttempts,
  listEvents,
  feed,
  feedEnd,
  keyHolders,
  counts,
  listQueues,
  endedRoots,
  ...beside,
};
const operations = { ...writes, ...near, ...far };

type Operations = typeof operations;
export type OperationName = keyof Operations;
export type Arguments<N extends OperationName> = Operations[N] extends (db: Database, ...rest: infer A) => unknown ? A : never;
export type Answer<N extends OperationName> = ReturnType<Operations[N]>;

/** Runs one operation somewhere and answers when it is durable. */
export type Caller = <N extends OperationName>(name: N, ...values: Arguments<N>) => Promise<Answer<N>>;

export function run(db: Database, name: OperationName, values: readonly unknown[]): unknown {
  return (operations[name] as (db: Database, ...rest: readonly unknown[]) => unknown)(db, ...values);
}

export function isWrite(name: OperationName): boolean {
  return name in writes;
}

/** Whether what was taken in is to be put into its tables first. */
export function readsJobs(name: OperationName): boolean {
  return !(name in beside);
}

/**
 * Writes and near reads of tables that have nothing of jobs, whether these were taken in or not: the audit, which is written five times a second
 * while somebody calls, must not send what comes alone the long way (`pays` of intake.ts).
 */
const besideJobs: ReadonlySet<OperationName> = new Set<OperationName>([
  "beat",
  "lead",
  "tokenUsed",
  "addAudit",
  "pruneAudit",
  "takeAnswer",
  "keepAnswer",
  "releaseAnswer",
  "pruneAnswers",
  "nextDueSchedule",
]);

/**
 * What is the same whether claims are held (held-claims.ts) or not: claims and commits load what is held, and the others ask for
 * nothing that a held job has. Of timers and concurrency keys it has none, and it is carried out.
 */
const besideHeld: ReadonlySet<OperationName> = new Set<OperationName>([
  ...besideJobs,
  "claim",
  "commit",
  "unblock",
  "due",
  "nextDue",
  "woken",
  "cursor",
  "records",
  "getQueue",
  "dueSchedules",
  "openSession",
  "putPlace",
  "putDefinition",
  "disableDefinition",
  "enableDefinition",
  "ping",
  "moveFeedPlace",
  "takeForWebhook",
  "recordDelivery",
  "markWebhook",
  "pruneDeliveries",
  "pruneOccurrences",
]);

/** Whether what is held may stay so while this is carried out. */
export function leavesHeld(name: OperationName): boolean {
  return besideHeld.has(name);
}

/** Whether what was taken in may stay where it lies while this is carried out. */
export function leavesTaken(name: OperationName): boolean {
  return besideJobs.has(name);
}

/** For who looks elsewhere. Before it what was taken in is put into its tables (I3 of intake.ts): nothing is left to do. */
function putTaken(_db: Database): void {}

/** A write that leaves nothing behind and yet takes room, so that a store which can only be read, or whose disk is full, is found out. */
function pingWritable(db: Database): void {
  db.run("INSERT INTO leads (chore, session, expires_at) VALUES ('', '', 0)");
  db.run("DELETE FROM leads WHERE chore = ''");
}
