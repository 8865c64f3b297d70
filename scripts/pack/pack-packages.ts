/** Staged packages as tarballs, as they would go to the registry. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { faultsOfPackage } from "./check-package.ts";
import { stagePackages } from "./stage-packages.ts";

export interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: number;
  readonly bytesUnpacked: number;
  readonly files: number;
}

interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

/** Throws when a package is not fit to be published, with everything that is wrong. */
export function packPackages(out: string): readonly Tarball[] {
  const folders = stagePackages(join(out, "staging"));
  const faults = folders.flatMap((folder) => faultsOfPackage(folder).map((fault) => `${folder}: ${fault}`));
  if (faults.length > 0) throw new Error(`not fit to be published:\n${faults.join("\n")}`);
  mkdirSync(out, { recursive: true });
  return folders.map((folder) => {
    const told = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", out], {
      cwd: folder,
      encoding: "utf8",
    });
    const packed = packedOf(JSON.parse(told));
    return {
      name: packed.name,
      version: packed.version,
      file: join(out, packed.filename.replace(/^@/u, "").replace(/\//gu, "-")),
      bytes: packed.size,
      bytesUnpacked: packed.unpackedSize,
      files: packed.entryCount,
    };
  });
}

/** npm prints a list, newer ones an object by name. */
function packedOf(told: unknown): Packed {
  const [packed] = Object.values(told as Record<string, Packed>);
  if (packed === undefined) throw new Error("npm pack has packed nothing");
  return packed;
}
