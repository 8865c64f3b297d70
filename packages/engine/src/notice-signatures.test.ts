import { randomBytes } from "node:crypto";
import { T0 } from "@windlass/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noticeSignatures, type NoticeSignatures, type SigningMode } from "./notice-signatures.ts";

const newKey = (): string => randomBytes(32).toString("base64");
const REPLAY_MS = 60_000;
const NOTICE = { id: "msg_1", body: '{"a":1}', attributes: { workflow_id: "nightly" } };
const AT = { queue: "windlass", now: T0 };

function ringOf(text: string, mode: SigningMode = "enforce"): NoticeSignatures & { readonly source: { text: string } } {
  const source = { text, place: "KEYS", read: () => source.text };
  return { ...noticeSignatures({ mode, keys: source, replayMs: REPLAY_MS }), source };
}

test("what was signed is right for the same id, queue, time and body, and nothing else", () => {
  const ring = ringOf(newKey());
  // Borders of parts, and what stands for them, are as likely as anything else.
  const text = fc.string({ unit: fc.constantFrom("a", "1", ".", "%", "2", "E", "\ud800"), maxLength: 6 });
  const asked = fc.record({ id: text, body: text, queue: fc.constantFrom("q", "r-2") });
  fc.assert(
    fc.property(asked, asked, (one, other) => {
      const notice = { id: one.id, body: one.body, attributes: {} };
      const attributes = ring.sign(notice, { ...AT, queue: one.queue });
      expect(ring.fault({ ...notice, attributes }, { ...AT, queue: one.queue })).toBeNull();
      const isSame = one.id === other.id && one.body === other.body && one.queue === other.queue;
      const fault = ring.fault({ id: other.id, body: other.body, attributes }, { ...AT, queue: other.queue });
      expect(fault?.reason ?? null).toBe(isSame ? null : "signature");
    }),
  );
});

test("a signature that was changed anywhere is wrong", () => {
  const ring = ringOf(newKey());
  const { signature = "" } = ring.sign(NOTICE, AT);
  for (let i = 0; i < signature.length; i++) {
    const changed = `${signature.slice(0, i)}${signature[i] === "0" ? "1" : "0"}${signature.slice(i + 1)}`;
    expect(ring.fault({ ...NOTICE, attributes: { signature: changed } }, AT), changed).not.toBeNull();
  }
});

test.each(["", "v1", "v2,key_1,1,x", "v1,key_1,-1,x", "v1,key_1,1,x,y", "v1,,,"])("%j is no signature", (signature) => {
  expect(ringOf(newKey()).fault({ ...NOTICE, attributes: { signature } }, AT)).toMatchObject({ reason: "signature" });
});

test("it is right within its window, and for clocks that differ a little", () => {
  const ring = ringOf(newKey());
  const attributes = ring.sign(NOTICE, AT);
  const after = (ms: number): string | null => ring.fault({ ...NOTICE, attributes }, { ...AT, now: T0 + ms })?.reason ?? null;
  expect([0, REPLAY_MS, REPLAY_MS + 1_001].map(after)).toEqual([null, null, "signature_expired"]);
  expect([-299_000, -302_000].map(after)).toEqual([null, "signature"]);
});

test("keys are exchanged without a notice that is refused", () => {
  const [old, fresh] = [newKey(), newKey()];
  const [sender, receiver] = [ringOf(old), ringOf(old)];
  const faultNow = (): string | undefined => receiver.fault({ ...NOTICE, attributes: sender.sign(NOTICE, AT) }, AT)?.message;
  receiver.source.text = `${old}\n${fresh}`;
  expect(faultNow()).toBeUndefined();
  sender.source.text = `${fresh}\n${old}`;
  expect(faultNow()).toBeUndefined();
  receiver.source.text = fresh;
  expect(faultNow()).toBeUndefined();
  sender.source.text = old;
  expect(faultNow()).toMatch(/^it is signed with key_[0-9a-f]{12}, which is not in KEYS$/u);
});

test("nobody signs without a key, or where nobody is to; what is there stays", () => {
  expect(ringOf("").sign(NOTICE, AT)).toEqual(NOTICE.attributes);
  expect(ringOf(newKey(), "off").sign(NOTICE, AT)).toEqual(NOTICE.attributes);
  expect(ringOf(newKey(), "warn").sign(NOTICE, AT)).toMatchObject({ workflow_id: "nightly", signature: expect.any(String) });
  expect(ringOf("").fault(NOTICE, AT)).toEqual({ reason: "signature", message: "it is not signed" });
});
