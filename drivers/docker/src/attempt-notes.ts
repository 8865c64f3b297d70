/**
 * What is kept of an attempt in the data folder, for what the engine cannot keep: that it was to be launched, why it was
 * ended, how it ended. No word of what it does: its environment may hold secrets.
 *
 * N1. A note is there before its container is made, so that an attempt whose engine is out of reach is not taken for lost.
 * N2. A file appears whole or not at all.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { WindlassError } from "@windlass/kernel";
import type { EndedFact } from "@windlass/ports";
import type { EndCause } from "./container-ending.ts";

export interface LaunchNote {
  readonly name: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly image: string;
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  readonly memoryLimitBytes: number | null;
  readonly promisesOutput: boolean;
  /** Variables whose values are secrets: the container itself tells them to whoever takes it over. */
  readonly secretVariables?: readonly string[];
  /** The container; null until it is made. */
  readonly id: string | null;
}

/** A DNS label, as `externalNameOf` makes them: it cannot leave the folder. */
const SAFE_NAME = /^[a-z0-9][a-z0-9-]{0,127}$/u;
const FOLDER = "containers";

export class AttemptNotes {
  readonly #root: string;

  constructor(data: string) {
    this.#root = join(data, FOLDER);
  }

  names(): readonly string[] {
    try {
      return readdirSync(this.#root).filter((name) => SAFE_NAME.test(name));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  readLaunch(name: string): LaunchNote | null {
    return this.#read(name, "launch.json") as LaunchNote | null;
  }

  writeLaunch(note: LaunchNote): void {
    this.#write(note.name, "launch.json", note);
  }

  readCause(name: string): EndCause | null {
    return this.#read(name, "cause.json") as EndCause | null;
  }

  writeCause(name: string, cause: EndCause): void {
    this.#write(name, "cause.json", cause);
  }

  /** What was noted came too late to be the cause. */
  dropCause(name: string): void {
    rmSync(join(this.#folder(name), "cause.json"), { force: true });
  }

  readEnd(name: string): EndedFact | null {
    return this.#read(name, "end.json") as EndedFact | null;
  }

  writeEnd(fact: EndedFact): void {
    this.#write(fact.name, "end.json", fact);
  }

  async remove(name: string): Promise<void> {
    await rm(this.#folder(name), { recursive: true, force: true });
  }

  #write(name: string, file: string, content: object): void {
    const folder = this.#folder(name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, file);
    writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #read(name: string, file: string): object | null {
    try {
      return JSON.parse(readFileSync(join(this.#folder(name), file), "utf8")) as object;
    } catch (error) {
      // Torn by a power cut: the same as not written.
      if (isMissing(error) || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  #folder(name: string): string {
    if (!SAFE_NAME.test(name))
      throw new WindlassError(
        "invalid",
        `${JSON.stringify(name.slice(0, 80))} is not a name of an attempt: lower-case letters, digits and hyphens`,
      );
    return join(this.#root, name);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
