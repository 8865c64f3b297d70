/** Links between our pages lead somewhere. */
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
