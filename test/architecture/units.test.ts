/** The units of systemd that we ship are what the guide shows, and systemd understands them where there is one. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, root } from "./source-files.ts";

const units = filesBelow("deploy/systemd").map((path) => ({ name: basename(path), text: readFileSync(join(root, path), "utf8") }));
const guide = readFileSync(join(root, "docs", "guides", "one-machine.md"), "utf8");
const verifier = spawnSync("systemd-analyze", ["--version"]);

test("each unit is in the guide, and the guide's lines of the server are those of its unit", () => {
  expect(units.length).toBeGreaterThan(3);
  for (const { name } of units) expect(guide).toContain(`(../../deploy/systemd/${name})`);
  const shown = /```ini\n(\[Service\]\n[^]*?)```/u.exec(guide)?.[1]?.split("\n") ?? [];
  const server = units.find(({ name }) => name === "windlass.service")?.text.split("\n") ?? [];
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter((line) => !server.includes(line))).toEqual([]);
});

test.skipIf(verifier.error !== undefined)("systemd finds no fault with any of them", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-units-"));
  try {
    // The programs of the units are not installed where this runs.
    for (const { name, text } of units) writeFileSync(join(folder, name), text.replaceAll(/^ExecStart=\S+/gmu, "ExecStart=/bin/true"));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...units.map(({ name }) => join(folder, name))], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
