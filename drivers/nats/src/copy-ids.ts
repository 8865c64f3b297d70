/**
 * Ids by which NATS knows again a message that was made of another one, so that making it twice makes one. Whoever may publish
 * must not be able to guess one: what he sent under it before would be taken for ours, and ours be dropped.
 */
import { createHmac } from "node:crypto";
import type { Random } from "@windlass/ports";

const KEY_BYTES = 32;

/** The same for the same, as long as this client lasts. */
export function copyIds(random: Pick<Random, "bytes">): (of: string) => string {
  const key = random.bytes(KEY_BYTES);
  return (of) => createHmac("sha256", key).update(of).digest("base64url");
}
