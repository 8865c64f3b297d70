import { AssertionError } from "node:assert";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FILES } from "./lab-keeper.ts";
import { lostOutputs, onceMoreAfterLoss } from "./lost-outputs.ts";

let folder = "";
const address = () => ({ lab: "", kubeconfig: "", pid: 0, folder });
const said = (name: string, ...lines: readonly string[]): void => appendFileSync(join(folder, FILES, "log", name), `${lines.join("\n")}\n`);
const info = (what: string): string => String.raw`time="…" level=info msg="${what}"`;
const sandbox = (id: string, namespace: string): string =>
  info(String.raw`RunPodSandbox for &PodSandboxMetadata{Name:a-1,Uid:0-1,Namespace:${namespace},Attempt:0,} returns sandbox id \"${id}\"`);
const created = (id: string, of: string): string =>
  info(String.raw`CreateContainer within sandbox \"${of}\" for &ContainerMetadata{Name:main,Attempt:0,} returns container id \"${id}\"`);
const started = (id: string): string => info(String.raw`StartContainer for \"${id}\" returns successfully`);
const closed = (id: string, stream = "stdout"): string =>
  String.raw`time="…" level=error msg="Failed to pipe ${stream} of container \"${id}\"" error="reading from a closed fifo"`;
let ids = 0;
const lost = (namespace = "here"): readonly string[] => {
  const id = String(++ids);
  return [sandbox(`f${id}`, namespace), created(`a${id}`, `f${id}`), started(`a${id}`), closed(`a${id}`), closed(`a${id}`, "stderr")];
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-lost-"));
  mkdirSync(join(folder, FILES, "log"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("containers of the namespace whose output was lost are counted, each once, of all nodes; those that never began are not", () => {
  said(
    "node-1-containerd",
    ...lost(),
    ...lost("elsewhere"),
    sandbox("f0", "here"),
    created("0b", "f0"),
    closed("0b"),
    started("0c"),
    closed("0d"),
  );
  said("node-2-containerd", ...lost());
  said("node-2-kubelet", ...lost());
  expect(lostOutputs(address(), "here")).toBe(2);
});

/** How often it was run, and what was said, when each run loses and fails as is told. */
async function comparing(
  of: Parameters<typeof onceMoreAfterLoss>[0],
  { fails, loses = () => {} }: { readonly fails: readonly Error[]; readonly loses?: () => void },
) {
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  let times = 0;
  const end = await onceMoreAfterLoss(of, {
    namespace: "here",
    run: async () => {
      loses();
      return fails[times++];
    },
    compare: (failure) => {
      if (failure !== undefined) throw failure;
    },
  }).then(
    () => "ended",
    () => "failed",
  );
  const text = written.mock.calls.map(([said]) => String(said)).join("");
  written.mockRestore();
  return { end: `${end} after ${times}`, text };
}

const unequal = () => new AssertionError({ message: "another text" });
const loses = () => said("node-1-containerd", ...lost());

test("a comparison that failed is made once more, and only once, when outputs of its namespace were lost meanwhile, and its failure is shown", async () => {
  said("node-1-containerd", ...lost());
  expect(await comparing(address(), { fails: [unequal()] })).toEqual({ end: "failed after 1", text: "" });
  expect(await comparing(address(), { fails: [], loses })).toEqual({ end: "ended after 1", text: "" });
  const forgiven = await comparing(address(), { fails: [unequal()], loses });
  expect(forgiven.end).toBe("ended after 2");
  expect(forgiven.text).toContain("what 1 containers of here printed");
  expect(forgiven.text).toContain("another text");
  expect((await comparing(address(), { fails: [unequal(), unequal()], loses })).end).toBe("failed after 2");
  expect((await comparing(null, { fails: [unequal()], loses })).end).toBe("failed after 1");
});

test("no other failure is forgiven, nor for what was lost elsewhere, or by a node whose log began anew", async () => {
  expect((await comparing(address(), { fails: [new Error("no server")], loses })).end).toBe("failed after 1");
  const elsewhere = () => said("node-1-containerd", ...lost("elsewhere"));
  expect((await comparing(address(), { fails: [unequal()], loses: elsewhere })).end).toBe("failed after 1");
  const anew = () => writeFileSync(join(folder, FILES, "log", "node-1-containerd"), "");
  expect((await comparing(address(), { fails: [unequal()], loses: anew })).end).toBe("failed after 1");
});
