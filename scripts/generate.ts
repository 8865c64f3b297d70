/** `npm run gen`: writes what is derived from the tables. A test fails when somebody forgot to run it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { REFERENCE_PAGES } from "./reference/pages.ts";

const root = join(import.meta.dirname, "..");

for (const page of REFERENCE_PAGES) {
  const file = join(root, page.path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await page.render());
  process.stdout.write(`${page.path}\n`);
}
