/**
 * Loaded before everything else in every thread (`--import`): counts and times each SQLite statement between the messages
 * `begin` and `end` of a channel, and then sends its thread's figures. Costs some time itself, so it is not on by default.
 */
import { DatabaseSync, StatementSync } from "node:sqlite";
import { BroadcastChannel } from "node:worker_threads";
import { CHANNEL, type StatementTime } from "./statement-message.ts";

const totals = new Map<string, { count: number; ms: number }>();

function add(sql: string, from: number): void {
  const total = totals.get(sql) ?? { count: 0, ms: 0 };
  totals.set(sql, total);
  total.count++;
  total.ms += performance.now() - from;
}

type Method = (...values: readonly never[]) => unknown;

function time(prototype: Record<string, Method>, name: string, sqlOf: (self: never, values: readonly unknown[]) => string): void {
  const original = prototype[name] as Method;
  prototype[name] = function timed(this: never, ...values: readonly never[]): unknown {
    const from = performance.now();
    try {
      return original.apply(this, values as never);
    } finally {
      add(sqlOf(this, values), from);
    }
  };
}

for (const method of ["run", "get", "all"])
  time(StatementSync.prototype as unknown as Record<string, Method>, method, (self: StatementSync) => self.sourceSQL);
time(DatabaseSync.prototype as unknown as Record<string, Method>, "exec", (_self, [sql]) => String(sql));

const channel = new BroadcastChannel(CHANNEL);
channel.unref();
channel.addEventListener("message", (message) => {
  const { data } = message as unknown as { readonly data: unknown };
  if (data === "begin") totals.clear();
  if (data === "end") channel.postMessage([...totals].map(([sql, total]): StatementTime => ({ sql, ...total })));
});
