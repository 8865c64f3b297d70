/** Preloaded (`node --import`) to run with one mutant planted: rewrites the sources as they are loaded, never on disk. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.ts";

const mutant = MUTANTS.find(({ name }) => name === process.env["MUTANT"]);
if (mutant === undefined)
  throw new Error(`MUTANT is "${process.env["MUTANT"] ?? ""}"; it must be one of: ${MUTANTS.map(({ name }) => name).join(", ")}`);
const root = fileURLToPath(new URL("../../", import.meta.url));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = mutant.edits.filter(({ file }) => url.startsWith("file:") && fileURLToPath(url) === root + file);
    if (edits.length === 0) return loaded;
    if (loaded.source === undefined) throw new Error(`${url} has no source to plant a mutant in`);
    let source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    for (const { file, from, to } of edits) {
      const parts = source.split(from);
      if (parts.length !== 2)
        throw new Error(`mutant "${mutant.name}": its text occurs ${parts.length - 1} times in ${file}, not once: ${from}`);
      source = parts.join(to);
    }
    return { ...loaded, source };
  },
});
