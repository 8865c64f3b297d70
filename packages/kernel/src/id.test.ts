import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeId, externalNameOf, ID_BODY_LENGTH, ID_ENTROPY_BYTES, idBody, isId } from "./id.ts";

const entropy = fc.uint8Array({ minLength: ID_ENTROPY_BYTES, maxLength: ID_ENTROPY_BYTES });
const time = fc.integer({ min: 0, max: 2 ** 47 });
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u;

describe("ids", () => {
  test("have their prefix and 26 characters", () => {
    fc.assert(
      fc.property(time, entropy, (at, bytes) => {
        const id = encodeId("job", at, bytes);
        expect(id).toMatch(/^job_[0-9a-z]{26}$/u);
        expect(idBody(id)).toHaveLength(ID_BODY_LENGTH);
        expect(isId("job", id)).toBe(true);
        expect(isId("ses", id)).toBe(false);
        expect(isId("job", id.slice(0, -1))).toBe(false);
      }),
    );
  });

  test("have the layout of a ULID", () => {
    // The example of its specification.
    expect(encodeId("job", 1_469_918_176_385, new Uint8Array(ID_ENTROPY_BYTES))).toBe(`job_01aryz6s41${"0".repeat(16)}`);
    expect(encodeId("job", 2 ** 48 - 1, new Uint8Array(ID_ENTROPY_BYTES).fill(255))).toBe(`job_7${"z".repeat(25)}`);
    expect(encodeId("job", 0, Uint8Array.from([1, 35, 69, 103, 137, 171, 205, 239, 1, 35]))).toBe("job_000000000004hmasw9nf6yy093");
  });

  test("sort by time, then by entropy, as text does", () => {
    fc.assert(
      fc.property(fc.tuple(time, entropy), fc.tuple(time, entropy), ([a, x], [b, y]) => {
        const [first, second] = [encodeId("job", a, x), encodeId("job", b, y)];
        const order = a === b ? Buffer.compare(x, y) : a - b;
        expect(Math.sign(order)).toBe(first < second ? -1 : first > second ? 1 : 0);
      }),
    );
  });

  test("letters that look like others are no part of an id", () => {
    for (const letter of ["i", "l", "o", "u", "A", "-"]) expect(isId("job", `job_${letter.repeat(ID_BODY_LENGTH)}`)).toBe(false);
  });
});

describe("the name that an attempt has outside", () => {
  const id = encodeId("job", 1_767_225_600_000, new Uint8Array(ID_ENTROPY_BYTES));

  test("is a DNS label of at most 63 characters, whatever the job is called", () => {
    const names = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 40 }).map((codes) => String.fromCodePoint(...codes)),
      fc.string({ maxLength: 90 }),
      fc.constantFrom("", "---", "ünïcödé", "名前", "a".repeat(300)),
    );
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 1_001 }), (name, attempt) => {
        const external = externalNameOf(id, name, attempt);
        expect(external).toMatch(DNS_LABEL);
        expect(external.endsWith(`-${idBody(id)}-${attempt}`)).toBe(true);
      }),
    );
  });

  test("is the same each time, and another for each attempt", () => {
    expect(externalNameOf(id, "Nightly Build!", 1)).toBe(externalNameOf(id, "Nightly Build!", 1));
    expect(externalNameOf(id, "Nightly Build!", 2)).toMatch(/^windlass-nightly-build-.*-2$/u);
    expect(externalNameOf(id, "!!!", 1)).toMatch(/^windlass-job-/u);
  });
});
