import { expect, test } from "vitest";
import { OUTPUT_ENTRIES } from "./create-body.ts";
import { firstFileOf, tarOf } from "./tar-file.ts";

test("what was packed is found again; a folder is no file, and half an archive is incomplete", () => {
  const [, file] = OUTPUT_ENTRIES;
  const packed = tarOf(file === undefined ? [] : [file]);
  expect(firstFileOf(packed, 10)).toEqual({ bytes: Buffer.alloc(0) });
  expect(firstFileOf(tarOf(OUTPUT_ENTRIES), 10)).toBe("not a file");
  expect(firstFileOf(packed.subarray(0, 100), 10)).toBe("incomplete");
});

test("one that says it is larger than allowed is told so by its head alone", () => {
  const packed = tarOf([{ path: "a", type: "file", mode: 0o600 }]);
  packed.write("00000001000\0", 124, "latin1");
  expect(firstFileOf(packed.subarray(0, 512), 511)).toBe("too large");
  expect(firstFileOf(packed.subarray(0, 512), 512)).toBe("incomplete");
});
