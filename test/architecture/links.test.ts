/** Links between our pages lead somewhere: to a file that is there, and to a heading of it. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, root } from "./source-files.ts";

const pages = filesBelow("").filter((path) => path.endsWith(".md"));
const links = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s]+)\)/gu)].map((match) => ({ page, target: match[1] ?? "" })),
);

test("pages and links are seen", () => {
  expect(pages.length).toBeGreaterThan(15);
  expect(links.length).toBeGreaterThan(10);
});

test("every link to a file of this repository leads to one", () => {
  const dead = links.filter(({ page, target }) => {
    const [path = ""] = target.split("#");
    return path !== "" && !/^[a-z]+:/u.test(path) && !existsSync(join(root, dirname(page), decodeURI(path)));
  });
  expect(dead.map(({ page, target }) => `${page}: ${target}`)).toEqual([]);
});

test("every link to a heading leads to one", () => {
  const anchored = links.filter(({ target }) => target.includes("#") && !/^[a-z]+:/u.test(target));
  expect(anchored.length).toBeGreaterThan(5);
  const dead = anchored.filter(({ page, target }) => {
    const [path = "", heading = ""] = target.split("#");
    const file = join(root, path === "" ? page : join(dirname(page), path));
    return existsSync(file) && file.endsWith(".md") && !headingsOf(readFileSync(file, "utf8")).includes(heading);
  });
  expect(dead.map(({ page, target }) => `${page}: ${target}`)).toEqual([]);
});

test("every file that the tables of ARCHITECTURE.md name is there", () => {
  const rows = [...readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| [^|]+\? \| (.+) \|$/gmu)];
  expect(rows.length).toBeGreaterThan(40);
  const missing = rows.flatMap(([, cell = ""]) => {
    let folder = "";
    return [...cell.matchAll(/`([^`]+)`/gu)].flatMap(([, name = ""]) => {
      if (!/[/.]/u.test(name)) return [];
      // A file without a folder of its own lies in the one that was named before it.
      const found = [name, join(folder, name)].find((path) => existsSync(join(root, path)));
      if (found !== undefined && name.startsWith(found)) folder = found.endsWith(".ts") ? dirname(found) : found;
      return found === undefined ? [name] : [];
    });
  });
  expect(missing).toEqual([]);
});

/** As GitHub and most readers of Markdown name them. */
function headingsOf(text: string): string[] {
  const lines = text.replaceAll(/^```[^]*?^```$/gmu, "").matchAll(/^#+ (.*)$/gmu);
  return [...lines].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
