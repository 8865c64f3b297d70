import fc from "fast-check";
import { expect, test } from "vitest";
import { maskOf, type Mask } from "./mask.ts";
import { secretForms, SECRET_BYTES_MIN } from "./secret-forms.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const inPieces = (mask: Mask, bytes: Uint8Array, sizes: readonly number[]): { readonly out: Buffer; readonly heldMax: number } => {
  const stream = mask.stream();
  const out: Uint8Array[] = [];
  let heldMax = 0;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    out.push(stream.push(bytes.subarray(at, at + size)));
    at = Math.min(bytes.length, at + size);
    heldMax = Math.max(heldMax, at - out.reduce((sum, piece) => sum + piece.length, 0));
  }
  out.push(stream.end());
  return { out: Buffer.concat(out), heldMax };
};

/** Without the characters that masks are made of: one of them stays free for the mask (M3). */
const secretText = fc.oneof(
  fc.string({ minLength: SECRET_BYTES_MIN, maxLength: 12, unit: fc.constantFrom("a", "b", "=", "/", " ", '"', "\\", "%") }),
  fc.string({ minLength: SECRET_BYTES_MIN, maxLength: 40, unit: "grapheme" }),
);
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });

test("no secret and no form of it is left, however the bytes are cut, and the cut changes nothing", () => {
  fc.assert(
    fc.property(
      fc.array(secretText, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(fc.nat(2), fc.uint8Array({ maxLength: 20 }), fc.string({ unit: fc.constantFrom("a", "b", "=", "/") })), {
        maxLength: 12,
      }),
      sizes,
      (secrets, parts, cuts) => {
        const mask = maskOf({ secrets, patterns: [] });
        const forms = secrets.flatMap((secret) => secretForms(secret));
        const text = Buffer.concat(
          parts.map((part) => (typeof part === "number" ? (forms[(part * 7) % forms.length] ?? bytesOf("")) : Buffer.from(part as string))),
        );
        const { out } = inPieces(mask, text, cuts);
        expect(out.equals(inPieces(mask, text, [text.length || 1]).out)).toBe(true);
        for (const form of forms) expect(out.includes(Buffer.from(form))).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});

test("what is no secret comes out byte for byte, and no more is held back than the longest form", () => {
  fc.assert(
    fc.property(secretText, fc.uint8Array({ maxLength: 300 }), sizes, (secret, bytes, cuts) => {
      const forms = secretForms(secret);
      fc.pre(!forms.some((form) => Buffer.from(bytes).includes(Buffer.from(form))));
      const { out, heldMax } = inPieces(maskOf({ secrets: [secret], patterns: [] }), bytes, cuts);
      expect(out.equals(Buffer.from(bytes))).toBe(true);
      expect(heldMax).toBeLessThan(Math.max(...forms.map((form) => form.length)));
    }),
    { numRuns: 60 },
  );
});

test("a secret is masked as it is, in base64 wherever it stands there, in an address, in JSON, and line by line", () => {
  const secret = 'p@ss/wörd "1" ~';
  const mask = maskOf({ secrets: [secret, "-----BEGIN-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n"], patterns: [] });
  expect(mask.text(`token ${secret}!`)).toBe("token ***!");
  for (const before of ["", "x", "xy", "xyz"]) {
    const text = mask.text(Buffer.from(`${before}${secret}tail`).toString("base64"));
    expect(text).toContain("***");
    expect(Buffer.from(text.replace("***", ""), "base64").toString()).not.toContain("ss/w");
  }
  expect(mask.text(`?q=${encodeURIComponent(secret)}&r=${new URLSearchParams({ s: secret }).toString().slice(2)}`)).toBe("?q=***&r=***");
  expect(mask.text(JSON.stringify({ secret }))).toBe('{"secret":"***"}');
  expect(mask.text("key: MIIEvQIBADANBg")).toBe("key: ***");
});

test("a line that has ended is not held back for a secret that it does not begin", () => {
  const stream = maskOf({ secrets: ["swordfish"], patterns: [] }).stream();
  expect(Buffer.from(stream.push(bytesOf("hello\n"))).toString()).toBe("hello\n");
  expect(Buffer.from(stream.push(bytesOf("the sword"))).toString()).toBe("the ");
  expect(Buffer.from(stream.push(bytesOf(" is sharp\n"))).toString()).toBe("sword is sharp\n");
});

test("neighbours and overlaps become one mask; secrets that are too short are left", () => {
  expect(maskOf({ secrets: ["aaaa"], patterns: [] }).text("xaaaaaaay")).toBe("x***y");
  expect(maskOf({ secrets: ["abcd", "cdef"], patterns: [] }).text("1abcdef2")).toBe("1***2");
  expect(maskOf({ secrets: ["ab"], patterns: [] }).text("ab")).toBe("ab");
  expect(maskOf({ secrets: ["****"], patterns: [] }).text("x*****")).toBe("x###");
});

test("patterns mask within lines, whatever else is in them, over any cut", () => {
  const mask = maskOf({ secrets: ["swordfish"], patterns: ["ghp_[A-Za-z0-9]{8}", "x*"] });
  const bytes = Buffer.concat([Buffer.from("a ghp_abcd1234 ü\n"), Buffer.from([0, 255, 10]), Buffer.from("swordfish ghp_ABCD1234")]);
  for (const size of [1, 5, 100]) {
    expect(inPieces(mask, bytes, [size]).out).toEqual(
      Buffer.concat([Buffer.from("a *** ü\n"), Buffer.from([0, 255, 10]), Buffer.from("*** ***")]),
    );
  }
});

test("what patterns leave comes out byte for byte, and what they mask is the same whatever bytes stand beside it", () => {
  const mask = maskOf({ secrets: [], patterns: ["k=[\\x80-\\xff]{2}"] });
  const beside = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(Buffer.alloc(5_000, "plain "), Buffer.alloc(5_000, "ü")));
  fc.assert(
    fc.property(beside, beside, sizes, (before, after, cuts) => {
      const around = (middle: string): Buffer => Buffer.concat([before, Buffer.from("\n"), Buffer.from(middle), Buffer.from("\n"), after]);
      fc.pre(!/k=[\x80-\xff]{2}/u.test(Buffer.concat([before, Buffer.from("\n"), after]).toString("latin1")));
      expect(inPieces(mask, around("k=Ā, and plain"), [...cuts, 4_000]).out.equals(around("***, and plain"))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

/** As one who keeps nothing between two pieces: what has not settled comes again with what follows. */
const settledInPieces = (mask: Mask, bytes: Uint8Array, sizes: readonly number[]): Buffer => {
  const out: Uint8Array[] = [];
  let from = 0;
  for (let to = 0, i = 0; to < bytes.length; i++) {
    to = Math.min(bytes.length, to + (sizes[i % sizes.length] ?? 1));
    const piece = bytes.subarray(from, to);
    const settled = mask.settled(piece);
    out.push(mask.bytes(piece.subarray(0, settled)));
    from += settled;
  }
  return Buffer.concat([...out, mask.bytes(bytes.subarray(from))]);
};

test("what has settled can be masked by itself: pieces of it make the whole, with secrets that touch, overlap and run over lines", () => {
  const unit = fc.constantFrom("a", "b", "\n", "x");
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: SECRET_BYTES_MIN, maxLength: 8, unit }), { minLength: 1, maxLength: 3 }),
      fc.string({ maxLength: 120, unit }),
      fc.record({ patterns: fc.subarray(["bx+b"]), cuts: sizes }),
      (secrets, text, { patterns, cuts }) => {
        const mask = maskOf({ secrets, patterns });
        expect(settledInPieces(mask, bytesOf(text), cuts).toString()).toBe(Buffer.from(mask.bytes(bytesOf(text))).toString());
      },
    ),
    { numRuns: 60 },
  );
});

test("what cannot be part of a secret has settled at once", () => {
  const mask = maskOf({ secrets: ["swordfish"], patterns: [] });
  expect(mask.settled(bytesOf("hello\n"))).toBe(6);
  expect(mask.settled(bytesOf("hello sword"))).toBe(6);
  expect(mask.settled(bytesOf("hello swordfish"))).toBe(6);
  expect(mask.settled(bytesOf("hello swordfish!"))).toBe(16);
  expect(maskOf({ secrets: [], patterns: ["a"] }).settled(bytesOf("one\ntwo"))).toBe(4);
  expect(maskOf({ secrets: [], patterns: [] }).settled(bytesOf("one"))).toBe(3);
});
