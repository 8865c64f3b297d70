/**
 * Who may use the routes of parts of Windlass that run elsewhere: whoever has the internal token, and nobody else. Without
 * one the routes are closed, not open. Compared by its hash in constant time.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { environmentVariableOf, WindlassError } from "@windlass/kernel";
import type { Headers } from "./authenticate.ts";
import type { Strangers } from "./strangers.ts";

/** Shorter ones could be found out by trying. */
const LENGTH_MIN = 16;

/** Throws `unavailable` where there is no token, `forbidden` for any other, and `rate_limited` once too many such came from the address. */
export type InternalGuard = (headers: Headers, address: string | null) => Promise<void>;

export function internalGuard(token: string, strangers: Strangers): InternalGuard {
  const variable = environmentVariableOf("internal.apiToken");
  if (token !== "" && token.length < LENGTH_MIN)
    throw new WindlassError("invalid", `the internal token has ${token.length} characters; it must have at least ${LENGTH_MIN}`, {
      faults: [{ path: variable, message: `it has ${token.length} characters; it must have at least ${LENGTH_MIN}` }],
    });
  const expected = sha256(token);
  return async (headers, address) => {
    if (token === "") throw new WindlassError("unavailable", `this server has no internal token, so nobody may do this; set ${variable}`);
    const given = /^Bearer +([^ ]+) *$/iu.exec(headers.get("authorization") ?? "")?.[1] ?? "";
    await strangers.lookUp(given, address, async () => {
      if (!timingSafeEqual(sha256(given), expected))
        throw new WindlassError("forbidden", `this takes the internal token of the server (${variable}), and no other`);
    });
  };
}

function sha256(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
