import { expect, test } from "vitest";
import { BROKEN_OFF, readBytes, type SentBody } from "./read-json.ts";

/** With a length it is read as a whole, without one piece by piece; both fail with this. */
const failing = (error: Error, headers: Readonly<Record<string, string>>): SentBody => ({
  headers: { get: (name) => headers[name] ?? null },
  async whole() {
    throw error;
  },
  async *pieces() {
    yield new Uint8Array(3);
    throw error;
  },
});
const sayings = [{ "content-length": "9" }, {}] as const;

test.each(sayings)("a caller that has gone has broken its body off: %j", async (headers) => {
  const gone = [
    Object.assign(new Error("aborted"), { code: "ECONNRESET" }),
    Object.assign(new Error("Premature close"), { code: "ERR_STREAM_PREMATURE_CLOSE" }),
    new DOMException("the operation was aborted", "AbortError"),
  ];
  for (const cause of gone)
    await expect(readBytes(failing(cause, headers), 100)).rejects.toMatchObject({ code: "bad_request", message: BROKEN_OFF, cause });
});

test.each(sayings)("what fails for another reason is no fault of the caller's: %j", async (headers) => {
  const ours = new TypeError("Body is unusable: Body has already been read");
  await expect(readBytes(failing(ours, headers), 100)).rejects.toBe(ours);
});
