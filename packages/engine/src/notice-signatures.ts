/**
 * Signs notices, and says of those that are received whether somebody who has a key sent them.
 *
 * G1. Signed are id, queue, time and body: none of them can be exchanged, so an old notice cannot be sent again under a new id
 *     or to another queue.
 * G2. The first key of the ring signs, all of them verify: a key that comes is put behind the first everywhere, then before it,
 *     and the one that goes is removed once nothing that it signed is on its way.
 * G3. What was signed longer ago than the window is refused: whoever kept a copy of a notice cannot use it for ever.
 * G4. How far a signature is right is not told by how long it takes to find out.
 */
import { timingSafeEqual } from "node:crypto";
import { minutes } from "@windlass/kernel";
import type { KeySource, NoticeAttributes, OutgoingNotice } from "@windlass/ports";
import { hmacOf } from "./hmac.ts";
import { keysIn } from "./keys-in.ts";

/** `off`: nobody signs or looks. `warn`: what is not right is logged, and taken. `enforce`: it is a dead letter. */
export const SIGNING_MODES = ["off", "warn", "enforce"] as const;
export type SigningMode = (typeof SIGNING_MODES)[number];

export interface SigningOptions {
  readonly mode: SigningMode;
  readonly keys: Pick<KeySource, "read" | "place">;
  /** See G3. */
  readonly replayMs: number;
}

export interface SignatureFault {
  readonly reason: "signature" | "signature_expired";
  readonly message: string;
}

export interface NoticeSignatures {
  readonly mode: SigningMode;
  /** How long what is signed now is right (G3); Infinity where nobody looks. */
  readonly validMs: number;
  /** The attributes with a signature of now; as they are where there is no key, or nobody is to sign. */
  sign(notice: OutgoingNotice, at: { readonly queue: string; readonly now: number }): NoticeAttributes;
  /** Null: it is right. */
  fault(notice: OutgoingNotice, at: { readonly queue: string; readonly now: number }): SignatureFault | null;
}

/** The attribute that holds `v1,KEY,SECONDS,BASE64`. */
const ATTRIBUTE = "signature";
const VERSION = "v1";
/** Clocks of two machines differ; what is further ahead was not signed by one that is right. */
const AHEAD_MS: number = minutes(5);

export function noticeSignatures({ mode, keys: source, replayMs }: SigningOptions): NoticeSignatures {
  const keys = keysIn(source);
  return {
    mode,
    validMs: mode === "off" ? Infinity : replayMs,
    sign(notice, { queue, now }) {
      const [key] = mode === "off" ? [] : keys.read();
      if (key === undefined) return notice.attributes;
      const at = Math.floor(now / 1000);
      const made = hmacOf(key.bytes, signed(notice, { queue, at }));
      return { ...notice.attributes, [ATTRIBUTE]: [VERSION, key.id, at, made].join(",") };
    },
    fault(notice, { queue, now }) {
      const text = notice.attributes[ATTRIBUTE] ?? "";
      if (text === "") return wrong("it is not signed");
      const [version, keyId = "", seconds = "", given = "", ...more] = text.split(",");
      if (version !== VERSION || more.length > 0 || !/^\d{1,12}$/u.test(seconds))
        return wrong(`its signature is not written as ${VERSION},KEY,SECONDS,BASE64`);
      // Looked for anew each time: one that was taken out opens nothing any more.
      const key = keys.read().find(({ id }) => id === keyId);
      if (key === undefined) return wrong(`it is signed with ${keyId.slice(0, KEY_LENGTH_SHOWN)}, which is not in ${source.place}`);
      const at = Number(seconds);
      if (!isEqual(given, hmacOf(key.bytes, signed(notice, { queue, at }))))
        return wrong(`it was changed after it was signed with ${keyId}, or was signed for another queue than ${queue}`);
      const ageMs = now - at * 1000;
      if (ageMs < -AHEAD_MS) return wrong(`it is signed for a time that is ${Math.round(-ageMs / 1000)} s ahead of ours`);
      if (ageMs <= replayMs) return null;
      const message = `it was signed ${Math.round(ageMs / 1000)} s ago; ${Math.round(replayMs / 1000)} s are allowed`;
      return { reason: "signature_expired", message };
    },
  };
}

/** Others may write what they like. */
const KEY_LENGTH_SHOWN = 40;

function wrong(message: string): SignatureFault {
  return { reason: "signature", message };
}

/** See G1. An id is anybody's: one with a dot in it is written so that it cannot pass for two parts. */
function signed({ id, body }: OutgoingNotice, { queue, at }: { readonly queue: string; readonly at: number }): readonly string[] {
  return [id.replaceAll("%", "%25").replaceAll(".", "%2E"), queue, String(at), body];
}

/** See G4. */
function isEqual(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
