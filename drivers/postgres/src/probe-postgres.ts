/** What a database says of itself, for whoever looks whether it can be used. Changes nothing in it. */
import type { Clock } from "@windlass/ports";
import pg from "pg";
import { connectionConfig } from "./connection.ts";

export interface Probed {
  /** `PostgreSQL 17.2` */
  readonly version: string;
  /** Of one round trip, once connected. */
  readonly latencyMs: number;
  /** Its clock, in milliseconds, and when by ours it was asked and had answered. */
  readonly clockReading: { readonly askedAt: number; readonly answeredAt: number; readonly theirs: number };
  /** `fsync`, `synchronous_commit`, `full_page_writes`: on or off, and other words. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Throws what the connection says. */
export async function probePostgres({
  url,
  clock,
  msMax,
}: {
  readonly url: string;
  readonly clock: Clock;
  readonly msMax: number;
}): Promise<Probed> {
  const client = new pg.Client({ ...connectionConfig(url), connectionTimeoutMillis: msMax, query_timeout: msMax });
  client.on("error", () => {});
  try {
    await client.connect();
    const settings = await client.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version')",
    );
    const [begun, askedAt] = [clock.monotonic(), clock.now()];
    const { rows } = await client.query<{ now: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now");
    const [latencyMs, answeredAt] = [clock.monotonic() - begun, clock.now()];
    const byName = Object.fromEntries(settings.rows.map(({ name, setting }) => [name, setting]));
    return {
      version: `PostgreSQL ${byName["server_version"] ?? ""}`,
      latencyMs,
      clockReading: { askedAt, answeredAt, theirs: rows[0]?.now ?? 0 },
      settings: byName,
    };
  } finally {
    await client.end().catch(() => {});
  }
}
