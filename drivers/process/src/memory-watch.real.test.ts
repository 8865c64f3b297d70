import { spawn } from "node:child_process";
import { expect, test, vi } from "vitest";
import { memoryWatch } from "./memory-watch.ts";
import { killQuietly } from "./process-fixture.ts";
import { supervisorClock } from "./supervisor-clock.ts";

test("sampling alone sees the memory of a grandchild that left the session", async () => {
  const eat = "const b=[];setInterval(()=>b.length<20&&b.push(Buffer.alloc(10_000_000,1)),10)";
  const child = spawn("sh", ["-c", `setsid "${process.execPath}" -e '${eat}' & echo $!; wait`], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = child.pid ?? 0;
  let grandchild = 0;
  child.stdout.once("data", (line: Buffer) => {
    grandchild = Number(line.toString());
  });
  const watch = memoryWatch(supervisorClock());
  try {
    let used = 0;
    watch.add({ pid, limitBytes: 150_000_000, onExceeded: (bytes) => (used = bytes) });
    await vi.waitFor(() => expect(used).toBeGreaterThan(150_000_000), { timeout: 60_000, interval: 20 });
    expect(watch.remove(pid)).toBeGreaterThanOrEqual(used);
  } finally {
    watch.remove(pid);
    if (grandchild > 0) killQuietly(grandchild);
    killQuietly(-pid);
  }
});
