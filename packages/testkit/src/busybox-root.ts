/** The file system of a small image for tests: this machine's static busybox and all its commands, without a registry. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export async function makeBusyboxRoot(root: string, busybox: string): Promise<void> {
  for (const name of ["bin", "etc", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, "bin", "busybox"));
  const { stdout } = await run(busybox, ["--list"]);
  for (const program of stdout.split("\n")) if (program !== "" && program !== "busybox") symlinkSync("busybox", join(root, "bin", program));
}

/** The same with `/init`, as an archive that an engine imports; made in `folder`. */
export async function makeBusyboxTar(folder: string, busybox: string): Promise<string> {
  const [root, archive] = [join(folder, "image"), join(folder, "image.tar")];
  await makeBusyboxRoot(root, busybox);
  writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
  await run("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}

/** The first process of a container gets only the signals that it handles; a script that is its child gets them all. */
export const INIT = `#!/bin/sh
sh -ec "$1" &
child=$!
trap 'kill -TERM $child' TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code
`;
