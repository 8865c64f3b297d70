/** Images for the test cluster, as files of `docker save`, made of programs of this machine. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { makeBusyboxRoot } from "./busybox-root.ts";

const run = promisify(execFile);

export interface ImageContent {
  /** With a tag that is not `latest`, which would be pulled each time. */
  readonly name: string;
  /** A folder with its file system. */
  readonly root: string;
  /** Of the image: Env, Cmd, Entrypoint, User … */
  readonly config: object;
}

/** The image that holds a pod together; the test cluster's programs ask for it by this name. */
const PAUSE = "kubelab/pause:1";
export const BUSYBOX_IMAGE = "busybox:1";
const DOCKER_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Packs a folder as an image; answers the file. */
export async function makeImage(file: string, { name, root, config }: ImageContent): Promise<string> {
  const work = `${file}.parts`;
  mkdirSync(work, { recursive: true });
  const layer = join(work, "layer.tar");
  await run("tar", ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", root, "-cf", layer, "."]);
  const hash = createHash("sha256");
  await pipeline(createReadStream(layer), hash);
  const image = {
    architecture: DOCKER_ARCHITECTURES[process.arch] ?? process.arch,
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${hash.digest("hex")}`] },
  };
  writeFileSync(join(work, "config.json"), JSON.stringify(image));
  writeFileSync(join(work, "manifest.json"), JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] }]));
  await run("tar", ["-C", work, "-cf", file, "manifest.json", "config.json", "layer.tar"]);
  await rm(work, { recursive: true, force: true });
  return file;
}

/** The images that every test cluster has: what holds pods together, and busybox. */
export async function makeLabImages(folder: string, busybox: string): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true });
  const root = join(folder, "busybox-root");
  await makeBusyboxRoot(root, busybox);
  writeFileSync(join(root, "etc", "passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  const env = { Env: ["PATH=/bin"] };
  // A container whose first process sleeps is all that a pause is: it is killed, not asked.
  const pause = { ...env, Entrypoint: ["/bin/busybox", "sleep", "2147483647"] };
  return [
    await makeImage(join(folder, "pause.tar"), { name: PAUSE, root, config: pause }),
    await makeImage(join(folder, "busybox.tar"), { name: BUSYBOX_IMAGE, root, config: { ...env, Cmd: ["sh"] } }),
  ];
}
