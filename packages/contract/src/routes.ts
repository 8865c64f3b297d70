/**
 * Where each operation lives: method, path, names of its query parameters, and what it answers with. Plain data, so that a
 * client starts without loading schemas; the schemas are in the `*-operations.ts` files, which take the rest from here.
 * A test holds both together.
 */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: readonly string[];
  /** JSON when left out. */
  readonly response?: "bytes" | "sse";
  /** JSON when left out. Bytes are the field `bytes` of what a caller gives. */
  readonly request?: "bytes";
  /** With the same Idempotency-Key it happens once, however often it is asked for: a client may send it again. */
  readonly idempotent?: true;
}

export const API = "/api/v1";

/** Jobs that one request may submit. */
export const SUBMIT_MANY_MAX = 1_000;

/**
 * Characters of JSON that a client gathers into one request; what is larger goes alone. Of three bytes at most each, so
 * that a body stays below the megabyte that many proxies let through, and far below what a server takes (`server.bodyBytesMax`).
 */
export const GATHERED_LENGTH_MAX = 262_144;

/** Bytes of a log that one request tells: a container that prints much is told of in several. */
export const TOLD_BYTES_MAX = 1_048_576;

/** In the place of the name of a container: all of an attempt. */
export const ALL_CONTAINERS = "*";

/** The header by which a call names its workspace; without it, the only one of the token, or `default`. */
export const WORKSPACE_HEADER = "windlass-workspace";

export const ROUTES = {
  "jobs.submit": { method: "POST", path: "/api/v1/jobs", idempotent: true },
  "jobs.submitMany": { method: "POST", path: "/api/v1/job-batches" },
  "jobs.list": {
    method: "GET",
    path: "/api/v1/jobs",
    query: ["kind", "name", "state", "outcome", "queue", "label", "parentId", "rootId", "rootsOnly", "order", "limit", "cursor"],
  },
  "jobs.get": { method: "GET", path: "/api/v1/jobs/{id}" },
  "jobs.attempts": { method: "GET", path: "/api/v1/jobs/{id}/attempts" },
  "jobs.events": { method: "GET", path: "/api/v1/jobs/{id}/events", query: ["after", "limit"] },
  "jobs.watch": { method: "GET", path: "/api/v1/jobs/{id}/watch", query: ["scope", "after"], response: "sse" },
  "jobs.logs": {
    method: "GET",
    path: "/api/v1/jobs/{id}/logs",
    query: ["attempt", "stream", "container", "tailLines", "tailBytes", "since", "after", "limitBytes"],
  },
  "jobs.rawLogs": {
    method: "GET",
    path: "/api/v1/jobs/{id}/logs/raw",
    query: ["attempt", "stream", "container", "tailLines", "tailBytes", "since"],
    response: "bytes",
  },
  "jobs.followLogs": {
    method: "GET",
    path: "/api/v1/jobs/{id}/logs/follow",
    query: ["attempt", "stream", "container", "tailLines", "tailBytes", "since", "after"],
    response: "sse",
  },
  "jobs.counts": {
    method: "GET",
    path: "/api/v1/job-counts",
    query: ["by", "kind", "name", "state", "outcome", "queue", "label", "rootsOnly"],
  },
  "jobs.resume": { method: "POST", path: "/api/v1/jobs/{id}/resume" },
  "jobs.signal": { method: "POST", path: "/api/v1/jobs/{id}/signals" },
  "jobs.approve": { method: "POST", path: "/api/v1/jobs/{id}/approve" },
  "jobs.reject": { method: "POST", path: "/api/v1/jobs/{id}/reject" },
  "jobs.cancelMany": { method: "POST", path: "/api/v1/job-cancellations" },
  "jobs.clean": { method: "POST", path: "/api/v1/job-cleanings" },
  "jobs.retryMany": { method: "POST", path: "/api/v1/job-retries" },
  "jobs.cancel": { method: "POST", path: "/api/v1/jobs/{id}/cancel" },
  "jobs.retry": { method: "POST", path: "/api/v1/jobs/{id}/retry" },
  "jobs.complete": { method: "POST", path: "/api/v1/completions" },
  "jobs.explain": { method: "GET", path: "/api/v1/jobs/{id}/explain" },
  "jobs.delete": { method: "DELETE", path: "/api/v1/jobs/{id}" },
  "events.watch": { method: "GET", path: "/api/v1/events", query: ["after", "type"], response: "sse" },
  "events.list": { method: "GET", path: "/api/v1/event-log", query: ["after", "type", "limit"] },
  "workflows.apply": { method: "POST", path: "/api/v1/workflows" },
  "workflows.validate": { method: "POST", path: "/api/v1/workflow-checks" },
  "workflows.list": { method: "GET", path: "/api/v1/workflows", query: ["limit", "cursor"] },
  "workflows.get": { method: "GET", path: "/api/v1/workflows/{name}", query: ["version"] },
  "workflows.versions": { method: "GET", path: "/api/v1/workflows/{name}/versions", query: ["before", "limit"] },
  "workflows.delete": { method: "DELETE", path: "/api/v1/workflows/{name}" },
  "workflows.disable": { method: "POST", path: "/api/v1/workflows/{name}/disable" },
  "workflows.enable": { method: "POST", path: "/api/v1/workflows/{name}/enable" },
  "workflows.run": { method: "POST", path: "/api/v1/executions", idempotent: true },
  "schedules.list": { method: "GET", path: "/api/v1/schedules", query: ["limit", "cursor"] },
  "schedules.create": { method: "POST", path: "/api/v1/schedules" },
  "schedules.apply": { method: "POST", path: "/api/v1/schedule-files" },
  "schedules.preview": { method: "POST", path: "/api/v1/schedule-previews" },
  "schedules.get": { method: "GET", path: "/api/v1/schedules/{name}" },
  "schedules.next": { method: "GET", path: "/api/v1/schedules/{name}/next", query: ["count", "zone", "after"] },
  "schedules.history": {
    method: "GET",
    path: "/api/v1/schedules/{name}/history",
    query: ["decision", "origin", "run", "since", "until", "limit", "cursor"],
  },
  "schedules.pause": { method: "POST", path: "/api/v1/schedules/{name}/pause" },
  "schedules.resume": { method: "POST", path: "/api/v1/schedules/{name}/resume" },
  "schedules.run": { method: "POST", path: "/api/v1/schedules/{name}/runs" },
  "schedules.backfill": { method: "POST", path: "/api/v1/schedules/{name}/backfills" },
  "schedules.delete": { method: "DELETE", path: "/api/v1/schedules/{name}" },
  "queues.list": { method: "GET", path: "/api/v1/queues", query: ["limit", "cursor"] },
  "queues.get": { method: "GET", path: "/api/v1/queues/{name}" },
  "queues.put": { method: "PUT", path: "/api/v1/queues/{name}" },
  "queues.delete": { method: "DELETE", path: "/api/v1/queues/{name}" },
  "queues.move": { method: "POST", path: "/api/v1/queues/{name}/move" },
  "queues.purge": { method: "POST", path: "/api/v1/queues/{name}/purge" },
  "deadLetters.list": {
    method: "GET",
    path: "/api/v1/dead-letters",
    query: ["source", "queue", "reason", "name", "since", "until", "redriven", "limit", "cursor"],
  },
  "deadLetters.get": { method: "GET", path: "/api/v1/dead-letters/{id}" },
  "deadLetters.redrive": { method: "POST", path: "/api/v1/dead-letter-redrives" },
  "deadLetters.purge": { method: "POST", path: "/api/v1/dead-letter-purges" },
  "workspaces.list": { method: "GET", path: "/api/v1/workspaces", query: ["limit", "cursor"] },
  "workspaces.create": { method: "POST", path: "/api/v1/workspaces" },
  "workspaces.delete": { method: "DELETE", path: "/api/v1/workspaces/{name}" },
  "tokens.list": { method: "GET", path: "/api/v1/tokens", query: ["all", "limit", "cursor"] },
  "tokens.create": { method: "POST", path: "/api/v1/tokens" },
  "tokens.revoke": { method: "POST", path: "/api/v1/tokens/{id}/revoke" },
  "roles.list": { method: "GET", path: "/api/v1/roles", query: ["limit", "cursor"] },
  "roles.create": { method: "POST", path: "/api/v1/roles" },
  "roles.delete": { method: "DELETE", path: "/api/v1/roles/{name}" },
  "secrets.list": { method: "GET", path: "/api/v1/secrets", query: ["workflow", "limit", "cursor"] },
  "secrets.set": { method: "PUT", path: "/api/v1/secrets/{name}" },
  "secrets.unset": { method: "DELETE", path: "/api/v1/secrets/{name}", query: ["workflow"] },
  "secrets.rotate": { method: "POST", path: "/api/v1/secret-rotations" },
  "audit.list": {
    method: "GET",
    path: "/api/v1/audit",
    query: ["workspace", "actor", "operation", "object", "outcome", "since", "until", "limit", "cursor"],
  },
  "workers.list": { method: "GET", path: "/api/v1/workers", query: ["limit", "cursor"] },
  "workers.get": { method: "GET", path: "/api/v1/workers/{id}" },
  "settings.list": { method: "GET", path: "/api/v1/settings", query: ["limit", "cursor"] },
  "backups.create": { method: "POST", path: "/api/v1/backups", response: "sse" },
  "webhooks.list": { method: "GET", path: "/api/v1/webhooks", query: ["limit", "cursor"] },
  "webhooks.create": { method: "POST", path: "/api/v1/webhooks" },
  "webhooks.get": { method: "GET", path: "/api/v1/webhooks/{name}" },
  "webhooks.update": { method: "PUT", path: "/api/v1/webhooks/{name}" },
  "webhooks.delete": { method: "DELETE", path: "/api/v1/webhooks/{name}" },
  "webhooks.test": { method: "POST", path: "/api/v1/webhooks/{name}/test" },
  "webhooks.deliveries": { method: "GET", path: "/api/v1/webhooks/{name}/deliveries", query: ["state", "limit", "cursor"] },
  "webhooks.redrive": { method: "POST", path: "/api/v1/webhooks/{name}/redrive" },
  "callbacks.step": { method: "POST", path: "/api/internal/container-callback/{executionId}/{step}" },
  "callbacks.facts": { method: "POST", path: "/api/internal/jobs/{id}/attempts/{attempt}/facts" },
  "callbacks.logs": {
    method: "POST",
    path: "/api/internal/jobs/{id}/attempts/{attempt}/logs",
    query: ["jobName", "jobUid", "container", "stream", "offset", "at", "last", "lost", "first", "gap", "lastTime", "lastOffset"],
    request: "bytes",
  },
  "callbacks.toldLogs": { method: "GET", path: "/api/internal/jobs/{id}/attempts/{attempt}/logs", query: ["jobName", "jobUid"] },
  "callbacks.undelivered": { method: "POST", path: "/api/internal/undelivered-callbacks" },
  "callbacks.turn": { method: "POST", path: "/api/internal/turns" },
  "system.info": { method: "GET", path: "/api/v1/system" },
} as const satisfies Record<string, Route>;

export type OperationId = keyof typeof ROUTES;

/** What an operation answers with. */
export type ResponseOf<Id extends string> = Id extends OperationId
  ? (typeof ROUTES)[Id] extends { readonly response: infer R }
    ? R
    : "json"
  : never;
