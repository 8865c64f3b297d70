import { expect, test } from "vitest";
import { screenOf } from "./screen.ts";

function terminal(columns: number, rows: number) {
  const written: string[] = [];
  return { written, terminal: { out: (text: string | Uint8Array) => void written.push(String(text)), columns, rows } };
}

test("nothing is longer or higher than the window, and what is not shown is counted", () => {
  const { written, terminal: small } = terminal(10, 4);
  screenOf(small, { other: false }).paint(["a long line of text", "b", "c", "d", "e"]);
  const lines = (written[0] ?? "").split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain("a long l…");
  expect(lines[2]).toContain("… 3 more");
});

test("the second screen is entered once and left once, with the cursor back", () => {
  const { written, terminal: any } = terminal(80, 24);
  const screen = screenOf(any, { other: true });
  screen.leave();
  screen.paint(["one"]);
  screen.paint(["two"]);
  screen.leave();
  screen.leave();
  const all = written.join("");
  expect(all.split("\u001B[?1049h")).toHaveLength(2);
  expect(all.endsWith("\u001B[?25h\u001B[?1049l")).toBe(true);
  expect(all.split("\u001B[?1049l")).toHaveLength(2);
});
