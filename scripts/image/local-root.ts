/**
 * The file system of the image, made of this machine's files instead of a base image: the project's Node with the libraries
 * that it is linked to, a static busybox for a shell, and the program where Containerfile has it.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stageProgram } from "./stage-program.ts";

/** As in Containerfile; a test compares. */
export const PROGRAM_FOLDER = "/opt/windlass";
const DATA_FOLDER = "/var/lib/windlass";
const USER = 10_001;
const MAIN = `${PROGRAM_FOLDER}/programs/cli/bin/windlass.js`;
/** Where our own image has Node. */
const NODE = "/usr/local/bin/node";
const ANYBODY_WRITES = 0o1777;

export const IMAGE_CONFIG = {
  User: `${USER}:${USER}`,
  Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production", `WINDLASS_DATA=${DATA_FOLDER}`],
  Entrypoint: ["node", MAIN],
  Cmd: ["server"],
  ExposedPorts: { "4180/tcp": {} },
  WorkingDir: PROGRAM_FOLDER,
};

/** Throws when this machine has no busybox. */
export function makeLocalRoot(root: string): void {
  for (const folder of ["bin", "etc", "tmp", "usr/bin", "usr/local/bin", "var/lib/windlass"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ["tmp", "var/lib/windlass"]) chmodSync(join(root, folder), ANYBODY_WRITES);
  copyWithLibraries(root, { from: realpathSync(process.execPath), to: NODE });
  addShell(root);
  writeFileSync(join(root, "etc", "passwd"), `root:x:0:0:root:/:/bin/sh\nwindlass:x:${USER}:${USER}:windlass:${DATA_FOLDER}:/bin/false\n`);
  writeFileSync(join(root, "etc", "group"), `root:x:0:\nwindlass:x:${USER}:\n`);
  stageProgram(join(root, PROGRAM_FOLDER));
  symlinkSync(MAIN, join(root, "usr/local/bin/windlass"));
}

function copyWithLibraries(root: string, { from, to }: { readonly from: string; readonly to: string }): void {
  const put = (file: string, target: string): void => {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    copyFileSync(file, join(root, target));
  };
  put(from, to);
  // Each line of `ldd` names a library and where it was found.
  for (const [library] of execFileSync("ldd", [from], { encoding: "utf8" }).matchAll(/\/[^\s()]+/gu)) put(realpathSync(library), library);
}

function addShell(root: string): void {
  const busybox = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "busybox"))
    .find((file) => existsSync(file));
  if (busybox === undefined) throw new Error("the image needs a shell for commands: install busybox-static");
  copyFileSync(busybox, join(root, "bin", "busybox"));
  for (const program of execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n"))
    if (program !== "" && program !== "busybox") symlinkSync("busybox", join(root, "bin", program));
  symlinkSync("/bin/busybox", join(root, "usr/bin/env"));
}
