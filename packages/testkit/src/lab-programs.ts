/** Where the programs of the test cluster are: what is installed, and the one that is built (test/cluster/README.md). */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { isProgram } from "./is-program.ts";

export interface LabPrograms {
  /** The cluster in one binary; null: it is to be built first. */
  readonly lab: string | null;
  readonly busybox: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..", "..");
const SOURCES = join(ROOT, "test", "cluster", "lab");
/** Where a build is kept between runs; ignored by git. */
const BUILT = join(ROOT, ".cache", "test-cluster");
const NEEDED = ["containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft", "busybox", "nsenter", "unshare", "tar"];

/** Why there can be no cluster for tests here, or its programs. */
export function findLab(environment: Environment): LabPrograms | string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "the test cluster runs on Linux, and as root only";
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const find = (program: string): string | undefined =>
    [...folders, "/usr/sbin", "/sbin"].map((folder) => join(folder, program)).find(isProgram);
  const missing = NEEDED.filter((program) => find(program) === undefined);
  if (!["/opt/cni/bin/bridge", "/usr/lib/cni/bridge"].some(isProgram)) missing.push("the CNI plugins");
  if (missing.length > 0)
    return `the test cluster needs ${missing.join(", ")} (packages containerd runc containernetworking-plugins nftables busybox-static)`;
  const busybox = find("busybox") ?? "";
  const named = environment["WINDLASS_TEST_CLUSTER"] ?? "";
  if (named !== "") return isProgram(resolve(named)) ? { lab: resolve(named), busybox } : `WINDLASS_TEST_CLUSTER=${named} is no program`;
  if (isProgram(BUILT)) return { lab: BUILT, busybox };
  if (find("go") === undefined)
    return "the test cluster is not built: set WINDLASS_TEST_CLUSTER to its binary, or install Go (test/cluster/README.md)";
  return { lab: null, busybox };
}

/** Built once, which takes minutes; from then on it is found. */
export async function buildLab(): Promise<string> {
  if (!existsSync(BUILT)) await run(join(SOURCES, "build.sh"), [], { env: { ...process.env, OUT: BUILT }, maxBuffer: 64 * 1_048_576 });
  return BUILT;
}
