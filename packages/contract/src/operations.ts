/** All operations of the API, by noun and verb. Server, client and OpenAPI document are made from this table. */
import { auditOperations, roleOperations, tokenOperations, workspaceOperations } from "./access-operations.ts";
import { bulkOperations } from "./bulk-operations.ts";
import { backupOperations } from "./backup-operations.ts";
import { callbackOperations } from "./callback-operations.ts";
import { deadLetterOperations } from "./dead-letter-operations.ts";
import { eventOperations, jobOperations } from "./job-operations.ts";
import type { Operation } from "./operation.ts";
import { queueOperations } from "./queue-operations.ts";
import { scheduleOperations } from "./schedule-operations.ts";
import { secretOperations } from "./secret-operations.ts";
import { settingOperations } from "./setting-operations.ts";
import { signalOperations } from "./signal-operations.ts";
import { systemOperations } from "./system-operations.ts";
import { webhookOperations } from "./webhook-operations.ts";
import { workerOperations } from "./worker-operations.ts";
import { workflowOperations } from "./workflow-operations.ts";

export const operations = {
  jobs: { ...jobOperations, ...bulkOperations, ...signalOperations },
  events: eventOperations,
  workflows: workflowOperations,
  schedules: scheduleOperations,
  queues: queueOperations,
  deadLetters: deadLetterOperations,
  workspaces: workspaceOperations,
  tokens: tokenOperations,
  roles: roleOperations,
  secrets: secretOperations,
  audit: auditOperations,
  workers: workerOperations,
  settings: settingOperations,
  system: systemOperations,
  backups: backupOperations,
  callbacks: callbackOperations,
  webhooks: webhookOperations,
} as const;

export type Operations = typeof operations;

export const operationList: readonly Operation[] = Object.values(operations).flatMap((noun): readonly Operation[] => Object.values(noun));
