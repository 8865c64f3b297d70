/** `npm run gen`: writes what is derived from the tables. A test fails when somebody forgot to run it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fieldNotesPage } from "./reference/field-notes.ts";
import type { ReferencePage } from "./reference/page.ts";

const root = join(import.meta.dirname, "..");

// The contract loads it, and so all that comes after it is made with it.
await write(fieldNotesPage);
const { REFERENCE_PAGES } = await import("./reference/pages.ts");
for (const page of REFERENCE_PAGES) {
  await write(page);
  process.stdout.write(`${page.path}\n`);
}

async function write(page: ReferencePage): Promise<void> {
  const file = join(root, page.path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await page.render());
}
