import fc from "fast-check";
import { expect, test } from "vitest";
import { admitToLog, decodeLogEntry, encodeLogEntry, logCutMark, logFilesOf, mendLogIndex, sourcesOfIndex } from "./log-format.ts";
import { STREAMS } from "./log-store.ts";

const amount = fc.integer({ min: 0, max: 1e12 });
const entries = fc.record(
  {
    at: amount,
    stream: fc.constantFrom(...STREAMS),
    offset: amount,
    length: amount,
    container: fc.constantFrom("init-db", "a", "0x"),
    told: fc.record(
      {
        until: amount,
        gap: amount,
        last: fc.record({ offset: amount, time: fc.constantFrom("2026-01-31T00:00:02.123456789Z", "2026-01-31T00:00:02+02:00") }),
      },
      { requiredKeys: ["until", "gap"] },
    ),
  },
  { requiredKeys: ["at", "stream", "offset", "length"] },
);

test("an entry survives the way to disk and back", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      expect(decodeLogEntry(encodeLogEntry(entry).slice(0, -1))).toEqual(entry);
    }),
  );
});

test("a torn line is never read as an entry", () => {
  fc.assert(
    fc.property(entries, fc.double({ min: 0, max: 0.999, noNaN: true }), (entry, share) => {
      const line = encodeLogEntry(entry).slice(0, -1);
      expect(decodeLogEntry(line.slice(0, Math.floor(line.length * share)))).toBeNull();
    }),
  );
});

test("a stream is cut once, however its bytes come", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 })), fc.integer({ min: 1, max: 100 }), (pieces, bytesMax) => {
      let [size, kept, cuts] = [0, 0, 0];
      for (const piece of pieces) {
        const { keep, cut } = admitToLog(size, piece, bytesMax);
        kept += keep;
        size += keep + (cut ? logCutMark(bytesMax).length : 0);
        cuts += cut ? 1 : 0;
      }
      const all = pieces.reduce((sum, piece) => sum + piece, 0);
      expect(kept).toBe(Math.min(all, bytesMax));
      expect(cuts).toBe(all > bytesMax ? 1 : 0);
    }),
  );
});

test("what is told began with its first bytes, and what is not with its first entry", () => {
  const beganAt = (...told: readonly (number | null)[]): number | undefined => {
    const lines = told.map((until, at) =>
      encodeLogEntry({ at, stream: "stdout", offset: 0, length: 9, ...(until === null ? {} : { told: { until, gap: 0 } }) }),
    );
    return sourcesOfIndex(lines.join("")).get("main/stdout")?.beganAt;
  };
  expect([beganAt(null, null), beganAt(4, 8), beganAt(0, 0, 4, 8)]).toEqual([0, 0, 2]);
});

test("the mark of a cut says the limit", () => {
  expect(logCutMark(104_857_600)).toBe("\n[windlass: log cut at 100Mi: it reached log.bytesMax]\n");
});

test("what could leave the folder is no id", () => {
  for (const jobId of ["..", "../x", "a/b", "", ".hidden", "a\0b", "a".repeat(200)]) {
    expect(() => logFilesOf({ jobId, attempt: 1 })).toThrow(/not the id/u);
  }
  for (const attempt of [-1, 1.5, Number.NaN]) expect(() => logFilesOf({ jobId: "job_1", attempt })).toThrow(/not the number/u);
});

test("mending names the bytes that no line names, once", () => {
  const index = `${encodeLogEntry({ at: 1, stream: "stdout", offset: 0, length: 5 })}2 o 5 7`;
  const mend = mendLogIndex(index, { stdout: 9, stderr: 2 }, 3);
  expect(mend).toBe("\n3 o 5 4;\n3 e 0 2;\n");
  expect(mendLogIndex(index + mend, { stdout: 9, stderr: 2 }, 4)).toBe("");
});
