import { expect, test } from "vitest";
import { fields } from "./api-object.ts";
import { colourStyle, plainStyle } from "./style.ts";

test("what a value holds moves nothing on the terminal, and what is empty is left out", () => {
  const text = fields({ terminal: { style: plainStyle } }, [
    ["host", "a\u009B2J\u001B[31mb\nc\u0007"],
    ["token", ""],
    ["since", "1s"],
  ]);
  expect(text).toBe("host:  a 2J [31mb c \nsince: 1s\n");
});

test("the colour of a value is ours", () => {
  expect(fields({ terminal: { style: colourStyle } }, [["state", "failed\u001B[32m", "red"]])).toBe(
    "\u001B[2mstate:\u001B[22m \u001B[31mfailed [32m\u001B[39m\n",
  );
});
