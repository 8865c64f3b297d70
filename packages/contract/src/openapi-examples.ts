/** Requests and answers as they look, for the main operations. A test holds that each is as its schema says. */
import type { OperationId } from "./routes.ts";

export interface Example {
  readonly body?: Readonly<Record<string, unknown>>;
  readonly answer?: Readonly<Record<string, unknown>>;
}

const AT = "2026-01-31T12:00:00.000Z";
const JOB_ID = "job_01kg9yqz00a1b2c3d4e5f6g7h8";

const job = {
  id: JOB_ID,
  kind: "task",
  name: "resize",
  workspace: "default",
  state: "queued",
  outcome: null,
  reason: null,
  message: null,
  exitCode: null,
  attempts: 0,
  createdAt: AT,
  startedAt: null,
  finishedAt: null,
  output: null,
  parentId: null,
  rootId: JOB_ID,
  key: null,
  queue: "default",
  priority: 0,
  fairnessKey: null,
  labels: { team: "media" },
  executor: "handler",
  progress: null,
  waitingFor: null,
  nextAt: null,
  stopping: false,
  cause: { type: "user", by: "admin" },
} as const;

const workflow = {
  ...{ id: "wfv_01kg9yqz00a1b2c3d4e5f6g7h8", name: "nightly", version: 3, hash: "5f2c…", labels: {}, createdAt: AT },
  disabled: null,
} as const;
const WORKFLOW_FILE = "name: nightly\nsteps:\n  - name: report\n    shell: ./report.sh\n";

export const EXAMPLES: Partial<Record<OperationId, Example>> = {
  "jobs.submit": {
    body: {
      name: "resize",
      executor: "handler",
      spec: { handler: "resize" },
      input: { width: 200 },
      labels: { team: "media" },
      idempotencyKey: "upload-4711",
      retry: { limit: 3 },
    },
    answer: { id: JOB_ID, created: true, job },
  },
  "jobs.submitMany": {
    body: { jobs: [{ name: "resize", executor: "handler", spec: { handler: "resize" }, input: { width: 200 } }] },
    answer: { results: [{ id: JOB_ID, created: true }] },
  },
  "jobs.list": { answer: { items: [job], nextCursor: null } },
  "jobs.counts": { answer: { by: "state", items: [{ value: "queued", count: 12 }], total: 12, capped: false } },
  "jobs.cancel": { body: { message: "not needed any more", graceSeconds: 30 }, answer: job },
  "jobs.signal": { body: { name: "file-arrived", data: { path: "in/2026-01-31.csv" } }, answer: job },
  "jobs.approve": { body: { comment: "numbers checked" }, answer: job },
  "jobs.reject": { body: { step: "go-live", comment: "not before Monday" }, answer: job },
  "jobs.cancelMany": {
    body: { queue: "media", state: ["queued"], dryRun: true },
    answer: { dryRun: true, matched: 1, more: false, done: 0, refused: [], sample: [job] },
  },
  "jobs.retryMany": {
    body: { queue: "media", outcome: "failed_timeout", limit: 100 },
    answer: { dryRun: false, matched: 1, more: false, done: 1, refused: [], sample: [job] },
  },
  "jobs.clean": {
    body: { olderThanSeconds: 3_600, dryRun: true },
    answer: {
      dryRun: true,
      items: [{ job, since: AT, why: "nothing called windlass-extract-1 is there any more", cleaned: false }],
      unseen: 0,
    },
  },
  "jobs.retry": { body: {}, answer: { id: JOB_ID, created: true, job } },
  "workflows.apply": { body: { source: WORKFLOW_FILE }, answer: { workflow, created: true, schedules: [] } },
  "workflows.disable": {
    body: { reason: "the source is being moved" },
    answer: { workflow: { ...workflow, disabled: { by: "admin", at: AT, reason: "the source is being moved" } }, cancelled: 2 },
  },
  "workflows.list": { answer: { items: [workflow], nextCursor: null } },
  "workflows.run": { body: { name: "nightly", input: { day: "2026-01-31" } }, answer: { id: JOB_ID, created: true, job } },
  "queues.put": { body: { paused: true } },
};
