import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { placeOf } from "./place.ts";

const FOLDERS = 1_000;
const PROGRAMS = 3;

test("programs that begin in one folder at once have one place, and none finds its file half written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-place-"));
  try {
    // Who comes behind makes nothing and is quicker, so that they meet again and again.
    const code = `const { placeOf } = await import(${JSON.stringify(new URL("place.ts", import.meta.url).href)});
      const random = { next: () => 0, bytes: (count) => Buffer.alloc(count, process.pid % 251) };
      const all = Array.from({ length: ${FOLDERS} }, (_, i) => placeOf(${JSON.stringify(folder)} + "/" + i, random));
      console.log(JSON.stringify(all));`;
    const ends = await Promise.all(
      Array.from({ length: PROGRAMS }, async () => {
        const program = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "pipe"] });
        const [said, error] = await Promise.all([text(program.stdout), text(program.stderr), once(program, "close")]);
        return error === "" ? said : error;
      }),
    );
    expect(new Set(ends).size, ends.map((end) => end.slice(0, 1_000)).join("\n")).toBe(1);
    expect(readdirSync(join(folder, "0"))).toEqual(["place"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a place that is there is read, and nothing is written, as on a disk that is full", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-place-"));
  try {
    const place = placeOf(folder, { next: () => 0, bytes: (count) => Buffer.alloc(count, 7) });
    const made = (): never => expect.fail("it is made anew");
    expect(placeOf(folder, { next: made, bytes: made })).toBe(place);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
