import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FILES } from "./lab-keeper.ts";
import { lostOutputs, onceMoreAfterLoss } from "./lost-outputs.ts";

let folder = "";
const address = () => ({ lab: "", kubeconfig: "", pid: 0, folder });
const said = (name: string, ...lines: readonly string[]): void => appendFileSync(join(folder, FILES, "log", name), `${lines.join("\n")}\n`);
const started = (id: string): string => String.raw`time="…" level=info msg="StartContainer for \"${id}\" returns successfully"`;
const closed = (id: string, stream = "stdout"): string =>
  String.raw`time="…" level=error msg="Failed to pipe ${stream} of container \"${id}\"" error="reading from a closed fifo"`;
let ids = 0;
const lost = (): readonly string[] => [started(`a${++ids}`), closed(`a${ids}`)];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-lost-"));
  mkdirSync(join(folder, FILES, "log"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("containers whose output was lost are counted, each once, of all nodes; those that never began are not", () => {
  said("node-1-containerd", started("0a"), closed("0a"), closed("0a", "stderr"), closed("0b"), started("0c"));
  said("node-2-containerd", started("1a"), closed("1a"));
  said("node-2-kubelet", ...lost());
  expect(lostOutputs(address())).toBe(2);
});

test("what fails is done once more only when something was lost meanwhile, and not for ever", async () => {
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  let times = 0;
  const failing = (loses: boolean, failures: number) => (): Promise<void> => {
    if (loses) said("node-1-containerd", ...lost());
    if (times++ < failures) throw new Error("another text");
    return Promise.resolve();
  };
  const timesOf = async (of: Parameters<typeof onceMoreAfterLoss>[0], work: () => Promise<void>): Promise<string> => {
    times = 0;
    const end = await onceMoreAfterLoss(of, work).then(
      () => "ended",
      () => "failed",
    );
    return `${end} after ${times}`;
  };
  said("node-1-containerd", ...lost());
  expect(await timesOf(address(), failing(false, 1))).toBe("failed after 1");
  expect(await timesOf(address(), failing(true, 0))).toBe("ended after 1");
  expect(await timesOf(address(), failing(true, 1))).toBe("ended after 2");
  expect(await timesOf(address(), failing(true, 9))).toBe("failed after 3");
  expect(await timesOf(null, failing(true, 1))).toBe("failed after 1");
  expect(written).toHaveBeenCalledTimes(3);
  written.mockRestore();
});
