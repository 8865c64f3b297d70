/** Answers under idempotency keys, on PostgreSQL. */
import type { AnswerStore } from "@windlass/ports";
import { answersTable, answerStatements, keptValues, keyValues } from "@windlass/sql";
import type { Querier } from "./connection.ts";

const SQL = answerStatements((n) => `$${n}`);

export function answerStore(db: Querier): AnswerStore {
  return {
    async take(answer, now) {
      for (;;) {
        const taken = await db.count(SQL.take, [...answersTable.encode(answer), now]);
        if (taken === 1) return answer;
        const [row] = await db.rows(SQL.get, keyValues(answer));
        // Given back in between: it is free again.
        if (row !== undefined) return answersTable.decode(row);
      }
    },
    keep: async (answer) => (await db.count(SQL.keep, keptValues(answer))) === 1,
    release: async (key, holder) => void (await db.count(SQL.release, [...keyValues(key), holder])),
    prune: (now, limit) => db.count(SQL.prune, [now, limit, now]),
  };
}
