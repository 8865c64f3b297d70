/** `secrets …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";

const WORKFLOW = ["--workflow <workflow>", "only for this workflow; for the whole workspace when left out"] as const;

export function addSecretCommands(program: Command, perform: Performing): void {
  const secrets = program.command("secrets").description("passwords and keys that jobs are given by alias; never shown again");
  secrets
    .command("set")
    .description("set a secret: its value is asked for, or read from standard input or a file")
    .argument("<name>", "the alias by which files ask for it")
    .argument("[nothing]", "values are no arguments")
    .option("--file <file>", "read the value from a file, as it is")
    .option(...WORKFLOW)
    .action(perform(async () => (await import("../commands/secrets.ts")).setSecret));
  secrets
    .command("list")
    .description("names, owners and versions; never values")
    .option("--workflow <workflow>", "only those of this workflow")
    .action(perform(async () => (await import("../commands/secrets.ts")).listSecrets));
  secrets
    .command("unset")
    .description("remove a secret; what asks for it fails from now on")
    .argument("<name>", "its alias")
    .option(...WORKFLOW)
    .action(perform(async () => (await import("../commands/secrets.ts")).unsetSecret));
  secrets
    .command("rotate")
    .description("seal all secrets with a new key, or with the one that was put first; may be broken off and called again")
    .action(perform(async () => (await import("../commands/secrets.ts")).rotateSecrets));
}
