import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SealedSecret } from "@windlass/kernel";
import type { KeySource, Random } from "@windlass/ports";
import { keyRing, type KeyRing } from "./key-ring.ts";

const random: Random = { next: () => 0.5, bytes: (count) => new Uint8Array(randomBytes(count)) };
const newKey = (): string => randomBytes(32).toString("base64");

function sourceOf(text: string, grows: KeySource["grows"] = "never"): KeySource & { text: string } {
  return {
    text,
    place: "KEYS",
    grows,
    read() {
      return this.text;
    },
    add(key) {
      this.text = `${key}\n${this.text}`;
    },
  };
}

const ringOf = (text: string): KeyRing => keyRing(sourceOf(text), random);
const secret = {
  workspace: "default",
  scope: "workspace",
  name: "report-db",
  version: 3,
  createdBy: "ann",
  createdAt: 1,
  changedBy: "bob",
  changedAt: 2,
};

describe("a seal", () => {
  test("opens to what was sealed, and no two of the same value are alike", () => {
    const ring = ringOf(newKey());
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (value) => {
        const [sealed, again] = [ring.seal(secret, value), ring.seal(secret, value)];
        expect(ring.open(sealed)).toEqual({ value });
        expect(sealed.sealed).not.toBe(again.sealed);
        if (value.length > 3) expect(Buffer.from(sealed.sealed, "base64").toString("latin1")).not.toContain(value);
      }),
    );
  });

  test.each([
    ["workspace", { workspace: "acme" }],
    ["scope", { scope: "workflow:nightly" }],
    ["name", { name: "other" }],
    ["version", { version: 2 }],
  ] as const)("does not open in the row of another %s", (_, moved) => {
    const ring = ringOf(newKey());
    expect(ring.open({ ...ring.seal(secret, "hunter2"), ...moved })).toEqual({ fault: "broken" });
  });

  test("does not open as one of another place whose parts come to the same text", () => {
    const ring = ringOf(newKey());
    const sealed = ring.seal({ ...secret, workspace: "a", scope: "b:c", name: "d" }, "hunter2");
    expect(ring.open({ ...sealed, workspace: "a,b", scope: "c", name: "d" })).toEqual({ fault: "broken" });
    expect(ring.open({ ...sealed, workspace: 'a","b:c', scope: "d" })).toEqual({ fault: "broken" });
  });

  test("does not open when a bit of it was turned, or when it was cut", () => {
    const ring = ringOf(newKey());
    const sealed = ring.seal(secret, "hunter2");
    const bytes = Buffer.from(sealed.sealed, "base64");
    for (let at = 0; at < bytes.length; at++) {
      const turned = Buffer.from(bytes);
      turned[at] = (turned[at] ?? 0) ^ 1;
      expect(ring.open({ ...sealed, sealed: turned.toString("base64") })).toEqual({ fault: "broken" });
      expect(ring.open({ ...sealed, sealed: bytes.subarray(0, at).toString("base64") })).toEqual({ fault: "broken" });
    }
  });

  test("is given out as sealed with another key of the ring, and does not open", () => {
    const ring = ringOf(`${newKey()}\n${newKey()}`);
    const [current = "", old = ""] = ring.ids();
    const sealed = ring.seal(secret, "hunter2");
    expect(sealed.keyId).toBe(current);
    expect(ring.open({ ...sealed, keyId: old })).toEqual({ fault: "broken" });
    expect(ring.open({ ...sealed, keyId: "key_000000000000" })).toEqual({ fault: "key_missing" });
  });
});

describe("keys", () => {
  test("the first is current, the others open what they sealed; what is put first counts at once", () => {
    const [oldKey, key] = [newKey(), newKey()];
    const source = sourceOf(oldKey);
    const ring = keyRing(source, random);
    const before = ring.seal(secret, "hunter2");
    source.text = `# since today\n${key}\n${oldKey} # until the back-ups are gone\n`;
    const after = ring.seal(secret, "hunter2");
    expect(after.keyId).not.toBe(before.keyId);
    expect([ring.open(before), ring.open(after)]).toEqual([{ value: "hunter2" }, { value: "hunter2" }]);
    expect(ringOf(key).open(before)).toEqual({ fault: "key_missing" });
  });

  test("a key that comes later opens what is there; one that was read once goes on opening until keys are read again", () => {
    const [a, b] = [newKey(), newKey()];
    const sealed: SealedSecret = ringOf(b).seal(secret, "hunter2");
    const source = sourceOf(a);
    const ring = keyRing(source, random);
    expect(ring.open(sealed)).toEqual({ fault: "key_missing" });
    source.text = `${a}\n${b}`;
    expect(ring.open(sealed)).toEqual({ value: "hunter2" });
  });

  test("are the same in base64, base64 of addresses and hexadecimal, told once or twice, in lines or with commas", () => {
    const bytes = randomBytes(32);
    const texts = [bytes.toString("base64"), bytes.toString("base64url"), bytes.toString("hex")];
    expect(ringOf(texts.join(", ")).ids()).toHaveLength(1);
    expect(texts.map((text) => ringOf(text).ids()[0])).toEqual(Array.from({ length: 3 }, () => ringOf(texts[0] ?? "").ids()[0]));
  });

  test.each(["hunter2", "password".repeat(8), newKey().slice(1), `${newKey()}x`, "0".repeat(63)])(
    "that are no keys are refused with their line and without what stands there",
    (wrong) => {
      const told = (): string => {
        try {
          ringOf(`${newKey()}\n${wrong}\n`).current();
        } catch (error) {
          return (error as Error).message;
        }
        return "";
      };
      expect(told()).toContain("line 2 of KEYS is no key");
      expect(told()).not.toContain(wrong);
    },
  );

  test("there is none: nothing is sealed; one is made where that is allowed, and sealed with", () => {
    expect(() => ringOf("").seal(secret, "hunter2")).toThrow(expect.objectContaining({ code: "secret_key_missing" }) as Error);
    expect(() => ringOf("").grow()).toThrow(expect.objectContaining({ code: "secret_key_missing" }) as Error);
    const ring = keyRing(sourceOf("", "always"), random);
    const keyId = ring.grow();
    expect([ring.current(), ring.seal(secret, "hunter2").keyId]).toEqual([keyId, keyId]);
  });
});
