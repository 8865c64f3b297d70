/** What processes print, from their pipes to whoever reads, with real servers and supervisors. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogItemJson } from "@windlass/contract";
import { client, logBytes, type Client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const TEN_MEGABYTES = 10 * 1024 * 1024;

let here: Stranger;
beforeEach(() => {
  here = stranger();
});
afterEach(() => here.leave());

async function serve(environment: Readonly<Record<string, string>> = {}): Promise<Client> {
  const { url } = await here.serverWith(environment);
  return client({ url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
}

const run = (api: Client, script: string, more: object = {}) =>
  api.jobs.submit({ name: "printer", executor: "process", spec: { script }, ...more });

/** Bytes that are no text, characters of every length that no border of a block fits, colours, zeros, and no last line feed. */
function payload(bytes: number, seed: number): Buffer {
  const parts = [Buffer.from("ü€🚀 ".repeat(20_000)), Buffer.from("\u001b[31mred\u001b[0m\r\n".repeat(5_000)), Buffer.alloc(70_001)];
  const noise = Buffer.alloc(100_003);
  for (let i = 0, state = seed; i < noise.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noise[i] = state >>> 24;
  }
  const block = Buffer.concat([...parts, noise]);
  return Buffer.concat(Array.from({ length: Math.ceil(bytes / block.length) }, () => block)).subarray(0, bytes);
}

function bytesOf(items: readonly LogItemJson[], stream: "stdout" | "stderr", attempt = 1): Buffer {
  const chunks = items.flatMap((item) => (item.type === "chunks" ? item.chunks : []));
  return Buffer.concat(chunks.filter((chunk) => chunk.stream === stream && chunk.attempt === attempt).map((chunk) => logBytes(chunk)));
}

test("ten megabytes on each stream come out byte for byte, however they are read and however slowly", async () => {
  const [out, err] = [payload(TEN_MEGABYTES, 1), payload(TEN_MEGABYTES, 2)];
  here.write("out", out);
  here.write("err", err);
  const api = await serve();
  const { id } = await run(api, `cat "${here.folder}/out" & cat "${here.folder}/err" >&2; wait`);
  // One that reads nothing before all is written, and one that leaves.
  const slow = api.jobs.followLogs({ id });
  const first = await slow.next();
  for await (const item of api.jobs.followLogs({ id })) if (item.type === "chunks") break;
  const followers = await Promise.all([1, 2, 3].map(() => Array.fromAsync(api.jobs.followLogs({ id }))));
  expect((await api.wait(id)).state).toBe("succeeded");
  followers.push([...(first.done === true ? [] : [first.value]), ...(await Array.fromAsync(slow))]);
  for (const items of followers) {
    expect(bytesOf(items, "stdout").equals(out)).toBe(true);
    expect(bytesOf(items, "stderr").equals(err)).toBe(true);
    expect(items.at(-1)).toEqual({ type: "end" });
  }
  for (const [stream, bytes] of [
    ["stdout", out],
    ["stderr", err],
  ] as const) {
    const raw = Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, stream })));
    expect(raw.equals(bytes)).toBe(true);
  }
  const tail = Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, stream: "stdout", tailBytes: 1_000 })));
  expect(tail.equals(out.subarray(-1_000))).toBe(true);
});

test("a follower sees the attempts one after the other, each whole", async () => {
  const api = await serve();
  const { id } = await run(api, 'seq 1 50000; printf "attempt %s" "$WINDLASS_ATTEMPT"; test "$WINDLASS_ATTEMPT" = 2', {
    retry: { limit: 1, backoff: { initialSeconds: 0 } },
  });
  const items = await Array.fromAsync(api.jobs.followLogs({ id }));
  const lines = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join("");
  for (const attempt of [1, 2]) expect(bytesOf(items, "stdout", attempt).toString()).toBe(`${lines}attempt ${attempt}`);
});

test("what is printed too fast is left out, and log and evidence say how much", async () => {
  const api = await serve({ WINDLASS_LOG_BYTES_PER_SECOND_MAX: "100000" });
  const { id } = await run(api, "head -c 1000000 /dev/zero");
  await api.wait(id);
  const log = Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id })));
  const [attempt] = (await api.jobs.attempts({ id })).items;
  const dropped = Number((attempt?.evidence as { readonly logDroppedBytes?: number } | undefined)?.logDroppedBytes);
  const marks = [...log.toString("latin1").matchAll(/\n\[windlass: [^\]]*left out here[^\]]*log\.bytesPerSecondMax\]\n/gu)];
  expect(dropped).toBeGreaterThan(0);
  expect(log.filter((byte) => byte === 0).length).toBe(1_000_000 - dropped);
  expect(marks.length).toBeGreaterThan(0);
});

test("what matches a pattern is in no log, no message and no evidence", async () => {
  const api = await serve({ WINDLASS_LOG_MASK_PATTERNS: "tok_[a-z0-9]{6}\nAKIA[A-Z0-9]{4}\n^password=.*\ntoken=\\w+$" });
  here.write("secret", "tok_abc123");
  const { id } = await run(api, `printf "first tok_"; sleep 0.1; echo "abc123 last"; cat "${here.folder}/secret" >&2; exit 1`);
  await api.wait(id);
  expect(Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, stream: "stdout" }))).toString()).toBe("first *** last\n");
  expect(JSON.stringify([await api.jobs.attempts({ id }), await api.jobs.logs({ id })])).not.toContain("abc123");
  // Each line by itself, whether they come in one piece or not.
  const lines = await run(
    api,
    'printf "hello\\npassword=hunter2\\nx token=abc\\n"; sleep 0.1; printf "password=hun"; sleep 0.1; echo ter2',
  );
  await api.wait(lines.id);
  expect(Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id: lines.id }))).toString()).toBe("hello\n***\nx ***\n***\n");
  const faulty = here.start(["server", "--port", "0", "--data", "other"], { WINDLASS_LOG_MASK_PATTERNS: "(" });
  expect(await faulty.ended).toMatchObject({ code: 2, stderr: expect.stringContaining("WINDLASS_LOG_MASK_PATTERNS") });
});

test("a log that was removed to keep to the limits says so, and its job is still there", async () => {
  const api = await serve();
  const { id } = await run(api, "echo hello; exit 3");
  await api.wait(id);
  await here.windlass("logs", id);
  await here.stopServers();
  const again = await serve({ WINDLASS_LOG_TOTAL_BYTES_MAX: "1" });
  await vi.waitFor(() => expect(again.jobs.logs({ id })).rejects.toMatchObject({ code: "log_removed" }));
  await expect(again.jobs.rawLogs({ id })).rejects.toMatchObject({ code: "log_removed" });
  await expect(again.jobs.followLogs({ id }).next()).rejects.toMatchObject({ code: "log_removed" });
  expect(await here.windlass("logs", id)).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("removed by retention") });
  expect((await again.jobs.attempts({ id })).items[0]?.evidence).toMatchObject({ logTail: "hello" });
});
