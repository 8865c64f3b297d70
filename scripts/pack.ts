/** `npm run pack`: the packages that are published, as tarballs in a folder (`.cache/packages`, or the one that is named). */
import { join, resolve } from "node:path";
import { packPackages } from "./pack/pack-packages.ts";

const [folder = join(import.meta.dirname, "..", ".cache", "packages")] = process.argv.slice(2);

for (const { name, version, file, bytes, bytesUnpacked, files } of packPackages(resolve(folder))) {
  process.stdout.write(`${name} ${version}  ${kilobytes(bytes)} packed, ${kilobytes(bytesUnpacked)} in ${files} files\n  ${file}\n`);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
