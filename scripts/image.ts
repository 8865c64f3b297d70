/**
 * `npm run image -- FILE [NAME:TAG]`: the image of Windlass as a file of `docker save`, made of this machine's Node, for
 * where no base image can be had; `docker load`, `kind load image-archive` and `ctr images import` take it.
 * `npm run image -- --stage FOLDER`: only what the program needs where it runs; Containerfile calls this.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { makeImage } from "@windlass/testkit/lab";
import { IMAGE_CONFIG, makeLocalRoot } from "./image/local-root.ts";
import { stageProgram } from "./image/stage-program.ts";

const [first = ".cache/windlass-image.tar", second] = process.argv.slice(2);

if (first === "--stage") stageProgram(resolve(second ?? ".cache/image"));
else await makeLocalImage(resolve(first), second ?? "windlass:dev");

async function makeLocalImage(file: string, name: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "windlass-image-"));
  try {
    makeLocalRoot(root);
    process.stdout.write(`${await makeImage(file, { name, root, config: IMAGE_CONFIG })}: ${name}\n`);
  } finally {
    rmSync(root, { recursive: true });
  }
}
