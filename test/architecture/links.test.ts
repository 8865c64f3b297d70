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
