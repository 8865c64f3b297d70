/** Answers under idempotency keys: the table, and the statements that both drivers run. */
import type { Answer, AnswerKey } from "@windlass/ports";
import type { Placeholder } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const answersTable = tableOf<Answer>(
  "answers",
  {
    workspace: "text",
    principal: "text",
    operation: "text",
    key: "text",
    requestHash: "text",
    holder: "text",
    status: "integer",
    body: "text",
    expiresAt: "integer",
  },
  { key: "idempotency_key" },
);

const KEY = "workspace, principal, operation, idempotency_key";

/** Where `$1 … $4` are those of `keyValues`; the numbers in the texts are the order of the values. */
export function answerStatements(placeholder: Placeholder): Readonly<Record<"take" | "get" | "keep" | "release" | "prune", string>> {
  const p = placeholder;
  const keyIs = `workspace = ${p(1)} AND principal = ${p(2)} AND operation = ${p(3)} AND idempotency_key = ${p(4)}`;
  const values = answersTable.columns.map((_, index) => p(index + 1)).join(", ");
  return {
    take: `INSERT INTO answers (${answersTable.list()}) VALUES (${values}) ON CONFLICT (${KEY}) DO UPDATE SET request_hash = excluded.request_hash,
      holder = excluded.holder, status = excluded.status, body = excluded.body, expires_at = excluded.expires_at WHERE answers.expires_at <= ${p(10)}`,
    get: `SELECT ${answersTable.list()} FROM answers WHERE ${keyIs}`,
    keep: `UPDATE answers SET status = ${p(1)}, body = ${p(2)}, expires_at = ${p(3)}
      WHERE workspace = ${p(4)} AND principal = ${p(5)} AND operation = ${p(6)} AND idempotency_key = ${p(7)} AND holder = ${p(8)}`,
    release: `DELETE FROM answers WHERE ${keyIs} AND holder = ${p(5)}`,
    // Whoever takes the key again while it is found has a new time.
    prune: `DELETE FROM answers WHERE (${KEY}) IN (SELECT ${KEY} FROM answers WHERE expires_at <= ${p(1)} LIMIT ${p(2)}) AND expires_at <= ${p(3)}`,
  };
}

export function keyValues({ workspace, principal, operation, key }: AnswerKey): SqlValue[] {
  return [workspace, principal, operation, key];
}

/** The values of `keep`. */
export function keptValues(answer: Answer): SqlValue[] {
  return [answer.status, answer.body, answer.expiresAt, ...keyValues(answer), answer.holder];
}
