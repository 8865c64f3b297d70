/** How whatever leaves Windlass is signed: webhooks and notices. */
import { createHmac } from "node:crypto";

/** HMAC-SHA256 in base64 over the parts with dots between them; only the last one may hold a dot, or parts could be exchanged. */
export function hmacOf(key: Uint8Array, parts: readonly string[]): string {
  return createHmac("sha256", key).update(parts.join(".")).digest("base64");
}
