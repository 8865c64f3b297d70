/** docs/reference says what the tables say: it is current, complete, and holds nothing that is not generated. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes, environmentVariableOf, eventTypes, jobStates, outcomes, reasons, settingNames } from "@windlass/kernel";
import { expect, test } from "vitest";
import { REFERENCE_PAGES } from "../../scripts/reference/pages.ts";
import { filesBelow, root } from "./source-files.ts";

const read = (page: string): string => readFileSync(join(root, page), "utf8");

test("the generated pages are seen", () => {
  expect(REFERENCE_PAGES.length).toBeGreaterThanOrEqual(6);
});

test.each(REFERENCE_PAGES.map((page) => [page.path, page] as const))("%s is current; if not, run `npm run gen`", async (path, page) => {
  expect(read(path)).toBe(await page.render());
});

test("docs/reference holds generated pages only", () => {
  const pages = REFERENCE_PAGES.map((page) => page.path).filter((path) => path.startsWith("docs/"));
  expect(filesBelow("docs/reference")).toEqual(pages.toSorted());
});

test.each([
  ["states", "life-cycle.md", jobStates],
  ["outcomes", "outcomes.md", outcomes],
  ["reasons", "reasons.md", reasons],
  ["errors", "errors.md", errorCodes],
  ["events", "events.md", eventTypes],
  ["settings", "settings.md", settingNames],
  ["environment variables", "settings.md", settingNames.map(environmentVariableOf)],
])("all %s are documented, with a meaning", (_what, page, codes) => {
  expect(codes.length).toBeGreaterThan(5);
  const rows = read(`docs/reference/${page}`).split("\n");
  const missing = codes.filter((name) => !rows.some((row) => row.includes(`| \`${name}\` |`) && /[a-z]{2,} [a-z]{2,}/u.test(row)));
  expect(missing).toEqual([]);
});
