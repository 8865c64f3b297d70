/** What every driver of the LogStore must do; each runs this suite against its own. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LogChunk, LogKey, LogRange, LogStore, Stream } from "@windlass/ports";

export interface LogStoreFixture {
  readonly store: LogStore;
  /** Another store on the same logs, as after a restart. */
  reopen(): Promise<LogStore>;
  /** Ends all and removes what was made. */
  close(): Promise<void>;
}

const KEY: LogKey = { jobId: "job_01hzzzzzzzzzzzzzzzzzzzzzzz", attempt: 1 };
const ALL: LogRange = { bytesMax: 1_000_000 };

export function logStoreContract(name: string, open: (bytesMax: number) => Promise<LogStoreFixture>): void {
  describe(`${name} keeps the LogStore contract`, () => {
    let fixture: LogStoreFixture;
    let store: LogStore;
    beforeEach(async () => {
      fixture = await open(1000);
      store = fixture.store;
    });
    afterEach(() => fixture.close());

    readCases(() => store);
    tailCases(() => store);
    containerCases(() => store);
    toldCases(
      () => store,
      () => fixture.reopen(),
    );

    test("a stream is cut at its limit with a mark, and the other one goes on", async () => {
      for (let i = 0; i < 30; i++) await store.append(KEY, [chunk("stdout", 1, "x".repeat(70))]);
      await store.append(KEY, [chunk("stderr", 2, "still here\n")]);
      const text = textOf(await readAll(store, { ...ALL, stream: "stdout" }));
      expect(text).toBe(`${"x".repeat(1000)}\n[windlass: log cut at 1000: it reached log.bytesMax]\n`);
      expect(textOf(await readAll(store, { ...ALL, stream: "stderr" }))).toBe("still here\n");
    });

    test("what was appended is there after a restart, and appending goes on behind it", async () => {
      await store.append(KEY, [chunk("stdout", 1, "before\n")]);
      const again = await fixture.reopen();
      await again.append(KEY, [chunk("stdout", 2, "after\n")]);
      expect(textOf(await readAll(again, ALL))).toBe("before\nafter\n");
    });

    test("appends that are made at once keep their order and mix nothing", async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.append(KEY, [chunk("stdout", i, `${i}\n`)])));
      expect(textOf(await readAll(store, ALL))).toBe(Array.from({ length: 50 }, (_, i) => `${i}\n`).join(""));
    });

    test("a watcher hears of what is written, also by another store, and nothing after it has ended", async () => {
      let calls = 0;
      const end = store.watch(KEY, () => calls++);
      try {
        const other = await fixture.reopen();
        for (const text of ["one\n", "two\n"]) {
          const before = calls;
          await other.append(KEY, [chunk("stdout", 1, text)]);
          await vi.waitFor(() => expect(calls).toBeGreaterThan(before), { timeout: 60_000, interval: 5 });
        }
      } finally {
        end();
      }
      const before = calls;
      await store.append(KEY, [chunk("stdout", 1, "three\n")]);
      await readAll(store, ALL);
      expect(calls).toBe(before);
    });

    test("removing takes the logs of all attempts of these jobs and of no others", async () => {
      const kept: LogKey = { ...KEY, jobId: "job_01hzzzzzzzzzzzzzzzzzzzzzzy" };
      for (const key of [KEY, { ...KEY, attempt: 2 }, kept]) await store.append(key, [chunk("stdout", 1, "text\n")]);
      await store.remove([KEY.jobId, "job_01hzzzzzzzzzzzzzzzzzzzzzzx"]);
      expect((await store.read(KEY, ALL)).chunks).toEqual([]);
      expect((await store.read({ ...KEY, attempt: 2 }, ALL)).chunks).toEqual([]);
      expect(textOf((await store.read(kept, ALL)).chunks)).toBe("text\n");
    });

    test("a log that is removed early says so, whatever is asked of it, and again after a restart; others stay", async () => {
      const other: LogKey = { ...KEY, jobId: "job_01hzzzzzzzzzzzzzzzzzzzzzzy" };
      for (const key of [KEY, { ...KEY, attempt: 2 }, other]) await store.append(key, [chunk("stdout", 1, "text\n")]);
      expect(await store.usage(KEY.jobId)).toMatchObject({ removed: false });
      expect((await store.usage(KEY.jobId)).bytes).toBeGreaterThanOrEqual(10);
      await store.expire(KEY.jobId, 5);
      await store.expire(KEY.jobId, 6);
      const again = await fixture.reopen();
      for (const range of [ALL, { ...ALL, tailLines: 1 }])
        await expect(again.read(KEY, range)).rejects.toMatchObject({
          code: "log_removed",
          message: expect.stringContaining("1970-01-01T00:00:00.005Z"),
        });
      expect(await again.usage(KEY.jobId)).toMatchObject({ bytes: 0, removed: true });
      expect(textOf(await readAll(again, ALL, other))).toBe("text\n");
      expect(await again.has(KEY)).toBe(true);
      await again.remove([KEY.jobId]);
      expect(await again.has(KEY)).toBe(false);
      expect((await again.read(KEY, ALL)).chunks).toEqual([]);
      expect(await Array.fromAsync(again.jobIds())).toEqual([other.jobId]);
    });

    test("ids that are no ids are refused everywhere", async () => {
      for (const jobId of ["../secret", "..", "a/b", ""]) {
        await expect(store.read({ jobId, attempt: 1 }, ALL)).rejects.toThrow(/not the id/u);
        await expect(store.append({ jobId, attempt: 1 }, [chunk("stdout", 1, "x")])).rejects.toThrow(/not the id/u);
        await expect(store.remove([jobId])).rejects.toThrow(/not the id/u);
      }
    });
  });
}

function readCases(store: () => LogStore): void {
  test("a log that does not exist is empty", async () => {
    const slice = await store().read(KEY, ALL);
    expect([slice.chunks, slice.more]).toEqual([[], false]);
  });

  test("both streams come in the order of their writing, one alone without the other", async () => {
    await store().append(KEY, [chunk("stdout", 1, "a"), chunk("stderr", 2, "b"), chunk("stdout", 3, "c")]);
    expect((await store().read(KEY, ALL)).chunks.map((it) => `${it.stream} ${it.at} ${textOf([it])}`)).toEqual([
      "stdout 1 a",
      "stderr 2 b",
      "stdout 3 c",
    ]);
    expect(textOf((await store().read(KEY, { ...ALL, stream: "stdout" })).chunks)).toBe("ac");
  });

  test("bytes that are no text come back as they were", async () => {
    const data = Uint8Array.from({ length: 256 }, (_, i) => i);
    await store().append(KEY, [{ stream: "stdout", at: 1, data }]);
    expect(bytesOf(await readAll(store(), { bytesMax: 7 }))).toEqual(Buffer.from(data));
  });

  test("a reader that comes back finds what is new and nothing twice", async () => {
    await store().append(KEY, [chunk("stdout", 1, "one\n")]);
    const first = await store().read(KEY, ALL);
    expect(first.more).toBe(false);
    await store().append(KEY, [chunk("stdout", 2, "two\n")]);
    const second = await store().read(KEY, { ...ALL, after: first.position });
    expect(textOf(second.chunks)).toBe("two\n");
    expect((await store().read(KEY, { ...ALL, after: second.position })).chunks).toEqual([]);
  });

  test("any sizes of appends and slices give the same bytes", async () => {
    let attempt = 1;
    const pieces = fc.array(fc.tuple(fc.constantFrom<Stream>("stdout", "stderr"), fc.uint8Array({ maxLength: 30 })), { maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (list, bytesMax, isOneStream) => {
        const key = { ...KEY, attempt: ++attempt };
        for (const [stream, data] of list) await store().append(key, [{ stream, at: 1, data }]);
        const chunks = await readAll(store(), { bytesMax, ...(isOneStream ? { stream: "stderr" as const } : {}) }, key);
        const wanted = list.filter(([stream]) => !isOneStream || stream === "stderr").map(([, data]) => data);
        expect(bytesOf(chunks)).toEqual(Buffer.concat(wanted));
      }),
      { numRuns: 30 },
    );
  });

  test("since leaves out what is older", async () => {
    await store().append(KEY, [chunk("stdout", 10, "old\n"), chunk("stdout", 20, "new\n")]);
    expect(textOf((await store().read(KEY, { ...ALL, since: 20 })).chunks)).toBe("new\n");
  });

  test("a position that this store never gave out is refused", async () => {
    await expect(store().read(KEY, { ...ALL, after: "../1" })).rejects.toThrow(/position/u);
  });
}

function tailCases(store: () => LogStore): void {
  test("the last lines, whether or not the last one has ended", async () => {
    await store().append(KEY, [chunk("stdout", 1, "one\ntw"), chunk("stdout", 2, "o\nthree\n")]);
    expect(textOf((await store().read(KEY, { ...ALL, tailLines: 2 })).chunks)).toBe("two\nthree\n");
    await store().append(KEY, [chunk("stdout", 3, "fo"), chunk("stdout", 4, "ur")]);
    expect(textOf((await store().read(KEY, { ...ALL, tailLines: 2 })).chunks)).toBe("three\nfour");
    expect(textOf((await store().read(KEY, { ...ALL, tailLines: 9 })).chunks)).toBe("one\ntwo\nthree\nfour");
  });

  test("the last lines of many, over more than one block of whatever the driver reads", async () => {
    const key = { ...KEY, attempt: 7 };
    const lines = Array.from({ length: 400 }, (_, i) => `${i % 10}\n`);
    for (let first = 0; first < lines.length; first += 100) {
      await store().append(
        key,
        lines.slice(first, first + 100).map((line, i) => chunk("stdout", first + i, line)),
      );
    }
    for (const tailLines of [1, 99, 400]) {
      expect(textOf(await readAll(store(), { ...ALL, tailLines }, key))).toBe(lines.slice(-tailLines).join(""));
    }
  });

  test("the last bytes of one stream", async () => {
    await store().append(KEY, [chunk("stdout", 1, "abc"), chunk("stderr", 2, "xyz"), chunk("stdout", 3, "def")]);
    expect(textOf((await store().read(KEY, { ...ALL, tailBytes: 4, stream: "stdout" })).chunks)).toBe("cdef");
    expect(textOf((await store().read(KEY, { ...ALL, tailBytes: 4 })).chunks)).toBe("zdef");
  });

  test("a tail that is larger than a slice is read on by position", async () => {
    await store().append(KEY, [chunk("stdout", 1, "0123456789")]);
    const first = await store().read(KEY, { tailBytes: 8, bytesMax: 5 });
    expect([textOf(first.chunks), first.more]).toEqual(["23456", true]);
    const second = await store().read(KEY, { after: first.position, bytesMax: 5 });
    expect([textOf(second.chunks), second.more]).toEqual(["789", false]);
  });
}

function containerCases(store: () => LogStore): void {
  const of = (container: string, at: number, text: string): LogChunk => ({ ...chunk("stdout", at, text), container });

  test("containers come in the order of their writing, one alone without the others; the main one needs no name", async () => {
    const chunks = [of("init-db", 1, "a"), chunk("stdout", 2, "b"), of("proxy", 3, "c"), of("main", 4, "d"), chunk("stderr", 5, "e")];
    for (const one of chunks) await store().append(KEY, [one]);
    expect((await store().read(KEY, ALL)).chunks.map((it) => `${it.container ?? "main"} ${it.at} ${textOf([it])}`)).toEqual([
      "init-db 1 a",
      "main 2 b",
      "proxy 3 c",
      "main 4 d",
      "main 5 e",
    ]);
    for (const [container, text] of [
      ["main", "bde"],
      ["init-db", "a"],
      ["proxy", "c"],
      ["other", ""],
    ] as const)
      expect(textOf(await readAll(store(), { bytesMax: 1, container }))).toBe(text);
    expect(textOf((await store().read(KEY, { ...ALL, container: "main", stream: "stdout" })).chunks)).toBe("bd");
    expect(textOf((await store().read(KEY, { ...ALL, container: "main", tailBytes: 2 })).chunks)).toBe("de");
  });

  test("each container has the whole limit of a stream for itself", async () => {
    await store().append(KEY, [of("one", 1, "x".repeat(1500)), of("two", 2, "y".repeat(900))]);
    const text = textOf(await readAll(store(), ALL));
    expect(text).toBe(`${"x".repeat(1000)}\n[windlass: log cut at 1000: it reached log.bytesMax]\n${"y".repeat(900)}`);
  });

  test("what could leave the folder is no container", async () => {
    for (const container of ["../x", "", "a/b", ".", "A", "a.stdout"])
      await expect(store().append(KEY, [of(container, 1, "x")])).rejects.toThrow(/names no container/u);
  });
}

function toldCases(store: () => LogStore, reopen: () => Promise<LogStore>): void {
  const told = (until: number, text: string, more: Partial<LogChunk> = {}): LogChunk => ({
    ...chunk("stdout", 1, text),
    told: { until, gap: 0 },
    ...more,
  });

  test("how far each source was told is known, also after a restart; what nobody told is not among them", async () => {
    const last = { time: "2026-01-31T00:00:02.123456789Z", offset: 12 };
    await store().append(KEY, [told(10, "***")]);
    await store().append(KEY, [told(4, "init", { container: "init" }), told(25, "more", { at: 2, told: { until: 25, gap: 7, last } })]);
    await store().append(KEY, [chunk("stderr", 1, "own")]);
    const wanted = [
      { stream: "stdout", until: 25, gap: 7, last, beganAt: 1, isCut: false },
      { stream: "stdout", container: "init", until: 4, gap: 0, beganAt: 1, isCut: false },
    ];
    expect(await store().told(KEY)).toEqual(wanted);
    expect(await (await reopen()).told(KEY)).toEqual(wanted);
    expect(await store().told({ ...KEY, attempt: 9 })).toEqual([]);
  });

  test("what nothing is stored of counts as told, and so does what a cut leaves out", async () => {
    await store().append(KEY, [told(5, "")]);
    expect(await store().told(KEY)).toMatchObject([{ until: 5, isCut: false }]);
    await store().append(KEY, [told(2_005, "x".repeat(2_000))]);
    expect(await store().told(KEY)).toMatchObject([{ until: 2_005, isCut: true }]);
  });
}

function chunk(stream: Stream, at: number, text: string): LogChunk {
  return { stream, at, data: Buffer.from(text) };
}

function bytesOf(chunks: readonly LogChunk[]): Buffer {
  return Buffer.concat(chunks.map((it) => it.data));
}

function textOf(chunks: readonly LogChunk[]): string {
  return bytesOf(chunks).toString();
}

/** Slice by slice to the end. */
async function readAll(store: LogStore, range: LogRange, key = KEY): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  let slice = await store.read(key, range);
  chunks.push(...slice.chunks);
  while (slice.more) {
    const { tailLines, tailBytes, ...rest } = range;
    slice = await store.read(key, { ...rest, after: slice.position });
    chunks.push(...slice.chunks);
  }
  return chunks;
}
