/** What `windlass doctor` wants to know of a NATS. */
import { connectNats, placeOf } from "./connection.ts";

export interface NatsProbe {
  /** HOST:PORT. */
  readonly place: string;
  readonly version: string;
}

/** Throws what opening a queue there would throw. Makes nothing. */
export async function probeNats(url: string): Promise<NatsProbe> {
  const connection = await connectNats(url);
  const version = connection.info?.version ?? "unknown";
  await connection.close();
  return { place: placeOf(url), version };
}
