/** The byte strings as which a secret may be printed: as it is, by line, and encoded as programs encode values. Pure. */

/** What is shorter is part of too much that is no secret. */
export const SECRET_BYTES_MIN = 4;
/** Lines of a longer secret (a key in PEM) that count as secrets themselves. */
const LINE_LENGTH_MIN = 8;
/** Characters of a base64 form that stands within a longer one; fewer appear by chance. */
const INNER_LENGTH_MIN = 6;
/** Where `base64` and `openssl` begin a new line. */
const WRAPPED_AT = [76, 64] as const;
/** Arguments that a call may have on every stack. */
const SPREAD_MAX = 8_192;

/** Each at least `SECRET_BYTES_MIN` long, none twice; none for a secret that is too short. */
export function secretForms(secret: string): readonly Uint8Array[] {
  const bytes = encoder.encode(secret);
  if (bytes.length < SECRET_BYTES_MIN) return [];
  const texts = new Set([
    secret,
    // A file's last line end is not printed by those who read it with `$(cat …)`.
    secret.trim(),
    ...linesOf(secret),
    JSON.stringify(secret).slice(1, -1),
    ...urlForms(secret.toWellFormed()),
    ...base64Forms(bytes),
  ]);
  return [...texts].map((text) => encoder.encode(text)).filter((form) => form.length >= SECRET_BYTES_MIN);
}

const encoder = new TextEncoder();

function linesOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/u);
  return lines.length < 2 ? [] : lines.filter((line) => line.trim().length >= LINE_LENGTH_MIN);
}

function urlForms(secret: string): string[] {
  const percent = encodeURIComponent(secret);
  // What encodeURIComponent leaves, others encode; forms write a space as + and leave the asterisk.
  const encoded = (left: RegExp): string => percent.replace(left, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = encoded(/[!'()~]/gu).replaceAll("%20", "+");
  const upper = [percent, encoded(/[!'()*]/gu), encoded(/[!'()*~]/gu), form, encodeURI(secret)];
  return [...upper, ...upper.map((form) => form.replace(/%[0-9A-F]{2}/gu, (code) => code.toLowerCase()))];
}

/**
 * In base64 three bytes become four characters, so a secret within a longer text has three forms, by what stands before
 * it. Characters that also hold bits of its neighbours are left out.
 */
function base64Forms(bytes: Uint8Array): string[] {
  const alone = base64(bytes);
  const inner = [0, 1, 2].map((before) => {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const text = base64(padded).replace(/[=]+$/u, "");
    const isCut = padded.length % 3 !== 0;
    return text.slice(before === 0 ? 0 : before + 1, isCut ? -1 : undefined);
  });
  const pieces = [...inner, ...WRAPPED_AT.flatMap((width) => wrapped(alone, width))].filter((form) => form.length >= INNER_LENGTH_MIN);
  const all = [alone, alone.replace(/[=]+$/u, ""), ...pieces];
  return [...all, ...all.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** The lines of a longer text, as programs wrap base64; none for what fits into one. */
function wrapped(text: string, width: number): string[] {
  if (text.length <= width) return [];
  return Array.from({ length: Math.ceil(text.length / width) }, (_, line) => text.slice(line * width, (line + 1) * width));
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let first = 0; first < bytes.length; first += SPREAD_MAX)
    binary += String.fromCharCode(...bytes.subarray(first, first + SPREAD_MAX));
  return btoa(binary);
}
