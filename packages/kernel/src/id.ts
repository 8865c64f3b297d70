/**
 * Ids: a prefix that says what it is, then 26 lower-case characters that sort by time (the layout of a ULID,
 * https://github.com/ulid/spec): 48 bits of milliseconds, 80 bits of entropy. Legal in DNS names and file names.
 */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
export const ID_BODY_LENGTH = 26;
/** How many random bytes an id takes. */
export const ID_ENTROPY_BYTES = 10;

export type IdPrefix = "job" | "ses" | "wfv" | "tok" | "req" | "aud" | "msg" | "sch" | "run";

/** Pure: the same time and entropy give the same id. `entropy` is 10 bytes. */
export function encodeId(prefix: IdPrefix, timeMs: number, entropy: Uint8Array): string {
  let text = "";
  for (let rest = timeMs, i = 0; i < 10; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  let bits = 0;
  let count = 0;
  for (const byte of entropy) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += ALPHABET.charAt((bits >>> count) & 31);
    }
    bits &= 255;
  }
  return `${prefix}_${text}`;
}

export function isId(prefix: IdPrefix, text: string): boolean {
  return text.length === prefix.length + 1 + ID_BODY_LENGTH && new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]+$`, "u").test(text);
}

/** The id without its prefix, for names that have little room. */
export function idBody(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}

const NAME_LENGTH_MAX = 63;

/**
 * The name that an attempt has outside (process folder, container, Kubernetes Job): deterministic from
 * (job, attempt), a DNS-1123 label of at most 63 characters; the slug is what gets cut.
 */
export function externalNameOf(jobId: string, jobName: string, attempt: number): string {
  const tail = `-${idBody(jobId)}-${attempt}`;
  const room = NAME_LENGTH_MAX - "windlass-".length - tail.length;
  const slug = jobName
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-+/u, "")
    .slice(0, room)
    .replace(/-+$/u, "");
  return `windlass-${slug === "" ? "job" : slug}${tail}`;
}
