/**
 * Whether the kernel killed something in a container for memory. Engines do not always know: podman's monitor reads the
 * counters of cgroup v2 only, and none tells of a child whose parent lived on. The kernel's own log names the cgroup
 * whose limit was met, which ends in the container's id; it is read only when a container ended badly.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";

/** One record; the kernel's own bound is 8 KiB (Documentation/ABI/testing/dev-kmsg). */
const RECORD_BYTES = 8_192;
/** A ring of the usual size holds some thousands; this is a bound for one that is filled while it is read. */
const RECORDS_MAX = 200_000;
const LOG = "/dev/kmsg";

/** Null when the log may not be read here. */
export function kernelKilledForMemory(containerId: string, path: string = LOG): boolean | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // No such thing here, or not for us: both mean that nothing is known.
    return null;
  }
  try {
    const record = Buffer.alloc(RECORD_BYTES);
    for (let count = 0; count < RECORDS_MAX; count++) {
      const length = readRecord(file, record);
      if (length === null) return false;
      const text = record.toString("latin1", 0, length);
      if (text.includes("oom_memcg=") && text.includes(containerId)) return true;
    }
    return false;
  } finally {
    closeSync(file);
  }
}

/** Null: no more. */
function readRecord(file: number, record: Buffer): number | null {
  try {
    const length = readSync(file, record);
    return length === 0 ? null : length;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    // EPIPE: the next record was overwritten meanwhile; reading goes on behind it.
    return code === "EPIPE" || code === "EINVAL" ? 1 : null;
  }
}
