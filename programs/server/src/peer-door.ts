/** Where other servers of the same store ask for logs of this host. Not part of the API: it is for servers of one version. */
import { createHash, timingSafeEqual } from "node:crypto";
import { WindlassError } from "@windlass/kernel";
import type { LogStore } from "@windlass/ports";
import { jsonOfSlice, rangeOfText } from "./log-slice-json.ts";
import type { App } from "./mount.ts";

export interface PeerDoor {
  /** What other servers find in the store. */
  readonly secret: string;
  /** Of this host. */
  readonly logs: LogStore;
}

export function peerDoor(app: App, { secret, logs }: PeerDoor): void {
  const expected = sha256(`Bearer ${secret}`);
  app.get("/internal/logs/:job/:attempt", async (c) => {
    if (!timingSafeEqual(sha256(c.req.header("authorization") ?? ""), expected))
      throw new WindlassError("unauthorized", "this address is for other servers of the same store");
    const key = { jobId: c.req.param("job"), attempt: Number(c.req.param("attempt")) };
    const range = rangeOfText(c.req.query("range") ?? "{}");
    if (!(await logs.has(key))) return c.body(null, 204);
    return c.json(jsonOfSlice(await logs.read(key, range)));
  });
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
