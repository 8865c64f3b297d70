/**
 * Ids: a prefix that says what it is, then 26 lower-case characters that sort by time (the layout of a ULID,
 * https://github.com/ulid/spec): 48 bits of milliseconds, 80 bits of entropy. Legal in DNS names and file names.
 */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
export const ID_BODY_LENGTH = 26;
/** How many random bytes an id takes. */
export const ID_ENTROPY_BYTES = 10;

/** Two characters at once, which takes half as long as one after the other: a batch has thousands of ids. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => ALPHABET.charAt(bits >>> 5) + ALPHABET.charAt(bits & 31));
/** The two characters of the lowest ten bits. */
const pair = (bits: number): string => PAIRS[bits & 1023] as string;

export type IdPrefix = "job" | "ses" | "wfv" | "tok" | "req" | "aud" | "msg" | "sch" | "run";

/** Pure: the same time and entropy give the same id. `entropy` is 10 bytes. */
export function encodeId(prefix: IdPrefix, timeMs: number, entropy: Uint8Array): string {
  const high = Math.floor(timeMs / 2 ** 30);
  const low = timeMs % 2 ** 30;
  let text = `${prefix}_${pair(high >>> 10)}${pair(high)}${pair(low >>> 20)}${pair(low >>> 10)}${pair(low)}`;
  for (let i = 0; i < ID_ENTROPY_BYTES; i += 5) {
    const b = at(entropy, i + 1);
    const c = at(entropy, i + 2);
    const d = at(entropy, i + 3);
    text += pair((at(entropy, i) << 2) | (b >>> 6)) + pair((b << 4) | (c >>> 4)) + pair((c << 6) | (d >>> 2));
    text += pair((d << 8) | at(entropy, i + 4));
  }
  return text;
}

const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0;

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
