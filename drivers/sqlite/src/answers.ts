/** Answers under idempotency keys, on SQLite. */
import { assert } from "@windlass/kernel";
import type { Answer, AnswerKey } from "@windlass/ports";
import { answersTable, answerStatements, keptValues, keyValues } from "@windlass/sql";
import type { Database } from "./database.ts";

const SQL = answerStatements(() => "?");

export function takeAnswer(db: Database, answer: Answer, now: number): Answer {
  db.run(SQL.take, [...answersTable.encode(answer), now]);
  const row = db.get(SQL.get, keyValues(answer));
  assert(row !== undefined, "what was stored is there, in one transaction");
  return answersTable.decode(row);
}

export function keepAnswer(db: Database, answer: Answer): boolean {
  return db.run(SQL.keep, keptValues(answer)) === 1;
}

export function releaseAnswer(db: Database, key: AnswerKey, holder: string): void {
  db.run(SQL.release, [...keyValues(key), holder]);
}

export function pruneAnswers(db: Database, now: number, limit: number): number {
  return db.run(SQL.prune, [now, limit, now]);
}
