/**
 * Plants each mutant in a process of its own, runs seeds until one fails, and says which seed caught which mutant:
 * `node test/simulation/catch-mutants.ts [seeds per mutant] [name]`. Exit code 1 when one is not caught.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "node:os";
import { MUTANTS, type Mutant } from "./mutants.ts";

export interface Caught {
  readonly mutant: string;
  /** What the simulation said, or null when every seed passed. */
  readonly by: string | null;
}

const PROCESS_TIMEOUT_MS = 600_000;

export async function catchMutants(mutants: readonly Mutant[], seeds: number): Promise<Caught[]> {
  const queue = [...mutants];
  const caught: Caught[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift())
      caught.push({ mutant: mutant.name, by: await catchOne(mutant, seeds) });
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), mutants.length) }, work));
  return mutants.map(({ name }) => caught.find(({ mutant }) => mutant === name) ?? { mutant: name, by: null });
}

function catchOne(mutant: Mutant, seeds: number): Promise<string | null> {
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const args = ["--import", path("plant.ts"), path("run.ts"), "1", String(seeds), mutant.of ?? "jobs"];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      args,
      { env: { ...process.env, MUTANT: mutant.name }, timeout: PROCESS_TIMEOUT_MS },
      (error, stdout, stderr) => {
        if (error === null) return resolve(null);
        const failed = /^seed \d+ failed: .*$/mu.exec(stdout);
        if (failed !== null) return resolve(failed[0].slice(0, 200));
        return reject(new Error(`mutant "${mutant.name}" did not run: ${stderr || error.message}`));
      },
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[3];
  const caught = await catchMutants(
    MUTANTS.filter((mutant) => name === undefined || mutant.name === name),
    Number(process.argv[2] ?? 40),
  );
  for (const { mutant, by } of caught)
    process.stdout.write(`${by === null ? "NOT CAUGHT" : "caught    "}  ${mutant}: ${by ?? "every seed passed"}\n`);
  process.exitCode = caught.every(({ by }) => by !== null) ? 0 : 1;
}
