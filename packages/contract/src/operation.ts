/**
 * What an operation of the API is: one entry of data from which the routes, the client, the OpenAPI document and the
 * permission are derived. Whoever adds an operation adds its route (routes.ts), this, and its handler; nothing else.
 */
import type { ErrorCode, Permission } from "@windlass/kernel";
import * as z from "zod";
import { ROUTES, type OperationId, type Route } from "./routes.ts";

type Shape = z.ZodObject;

export interface Operation<
  P extends Shape = Shape,
  Q extends Shape = Shape,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly id: OperationId;
  readonly method: Route["method"];
  /** With the names of its parameters in braces. */
  readonly path: string;
  readonly summary: string;
  readonly params: P;
  readonly query: Q;
  /** An object; `z.undefined()` when there is no body. */
  readonly body: B;
  /** Of a stream: one of its items. Of bytes: nothing. */
  readonly result: R;
  readonly response: "json" | "bytes" | "sse";
  /** `bytes`: the body is taken as it is, and is the field `bytes` of what the schema of the body speaks of. */
  readonly request: "json" | "bytes";
  /** HTTP status when all went well. */
  readonly status: 200 | 201 | 202;
  /** One of the table of permissions; null: the operation needs no token of ours, or the internal one. */
  readonly permission: Permission | null;
  /**
   * For parts of Windlass that run elsewhere, which have the internal token and nothing else: it opens these operations and no
   * other, and no other token opens them. The fields of the body may be in snake_case, too.
   */
  readonly internal: boolean;
  /** `server`: it changes what all workspaces share, so it takes a token for all of them. */
  readonly reach: "workspace" | "server";
  /** What it may refuse with, besides what every operation may. */
  readonly errors: readonly ErrorCode[];
  /** True when the Idempotency-Key header means something to it. */
  readonly idempotent: boolean;
  /** Its answer holds a secret, so it is never kept under an idempotency key. */
  readonly secret: boolean;
  /** `If-Match` is heeded: what it changes has a revision. */
  readonly conditional: boolean;
}

export interface OperationParts<P extends Shape, Q extends Shape, B extends z.ZodType, R extends z.ZodType> {
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly result?: R;
  readonly status?: 201 | 202;
  readonly permission: Permission | null;
  /** Within the workspace of the call when left out. */
  readonly reach?: "server";
  readonly errors?: readonly ErrorCode[];
  readonly secret?: true;
  readonly conditional?: true;
  readonly internal?: true;
}

/** What any operation may refuse with. */
export const COMMON_ERRORS = [
  "bad_request",
  "unauthorized",
  "forbidden",
  "host_unknown",
  "invalid",
  "too_large",
  "rate_limited",
  "internal",
  "unavailable",
  "shutting_down",
] as const satisfies readonly ErrorCode[];

const nothing = z.strictObject({});
type Nothing = typeof nothing;

export function operation<
  P extends Shape = Nothing,
  Q extends Shape = Nothing,
  B extends z.ZodType = z.ZodUndefined,
  R extends z.ZodType = z.ZodUndefined,
>(id: OperationId, parts: OperationParts<P, Q, B, R>): Operation<P, Q, B, R> {
  const route: Route = ROUTES[id];
  return {
    id,
    method: route.method,
    path: route.path,
    response: route.response ?? "json",
    request: route.request ?? "json",
    summary: parts.summary,
    permission: parts.permission,
    reach: parts.reach ?? "workspace",
    status: parts.status ?? 200,
    errors: parts.errors ?? [],
    idempotent: route.idempotent ?? false,
    secret: parts.secret ?? false,
    conditional: parts.conditional ?? false,
    internal: parts.internal ?? false,
    params: parts.params ?? (nothing as unknown as P),
    query: parts.query ?? (nothing as unknown as Q),
    body: parts.body ?? (z.undefined() as unknown as B),
    result: parts.result ?? (z.undefined() as unknown as R),
  };
}

/** Whether a call of it changes something (or is to), and so is written down with who made it. */
export function isChanging({ method, permission }: Pick<Operation, "method" | "permission">): boolean {
  return method !== "GET" && permission?.endsWith(":read") !== true;
}

/** Whether its answers are kept under an `Idempotency-Key`; of jobs the key is part of the job instead. */
export function keepsAnswers(
  operation: Pick<Operation, "method" | "permission" | "response" | "idempotent" | "secret" | "internal">,
): boolean {
  return isChanging(operation) && operation.response === "json" && !operation.idempotent && !operation.secret && !operation.internal;
}

/** Nothing for an object without fields, whose input type would otherwise forbid every field. */
type Fields<T extends z.ZodType> = T extends z.ZodObject ? (keyof T["shape"] extends never ? unknown : z.input<T>) : unknown;

/** What a caller gives: the fields of path, query and body together (a test holds that no two share a name). */
export type Input<O extends Operation> = Fields<O["params"]> & Fields<O["query"]> & Fields<O["body"]>;

/** What the server's handler gets. */
export interface Call<O extends Operation> {
  readonly params: z.output<O["params"]>;
  readonly query: z.output<O["query"]>;
  readonly body: z.output<O["body"]>;
}

/** What a JSON operation answers, and what one item of a stream is. */
export type Result<O extends Operation> = z.output<O["result"]>;
