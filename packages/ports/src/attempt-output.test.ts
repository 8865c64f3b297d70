import { expect, test } from "vitest";
import { OUTPUT_LENGTH_MAX } from "@windlass/kernel";
import { OUTPUT_LINE_LENGTH_MAX, OUTPUT_TAIL_BYTES, outputOfStdout, outputOfText, withOutput } from "./attempt-output.ts";

const of = (text: string, wasCut = false): unknown => outputOfStdout(Buffer.from(text), wasCut);
const tooLarge = { fault: { reason: "output_too_large" } };

test("the last line that is JSON wins over what is printed after it", () => {
  expect(of('{"a":1}\n[2]\nbye\n\n')).toEqual({ output: [2] });
  expect(of("null")).toEqual({ output: null });
});

test("a file may be as long as an output may be, and a line as long as is kept of what is printed, whatever their bytes", () => {
  const longestFile = JSON.stringify("€".repeat(OUTPUT_LENGTH_MAX - 2));
  expect(outputOfText(`${longestFile}\n`)).toHaveProperty("output");
  expect(outputOfText(`[${longestFile}]`)).toMatchObject(tooLarge);
  const longest = JSON.stringify("€".repeat(OUTPUT_LINE_LENGTH_MAX - 2));
  expect(of(`${longest}\n`)).toHaveProperty("output");
  expect(of(`${longest} \n`)).toHaveProperty("output");
  expect(of(`[${longest}]\n`)).toMatchObject(tooLarge);
  expect(of("1".repeat(OUTPUT_TAIL_BYTES), true)).toMatchObject(tooLarge);
});

test("a fault of the output fails what had succeeded and leaves other ends as they are", () => {
  const fault = { fault: { reason: "output_invalid", message: "no" } } as const;
  expect(withOutput({ outcome: "succeeded", reason: "ok", message: null, exitCode: 0 }, fault)).toEqual({
    outcome: "failed",
    reason: "output_invalid",
    message: "no",
    exitCode: 0,
  });
  const failed = { outcome: "failed", reason: "exit_code", message: "exit code 3", exitCode: 3 } as const;
  expect(withOutput(failed, fault)).toEqual(failed);
});
