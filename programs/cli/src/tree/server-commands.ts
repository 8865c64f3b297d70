/** `server`, `start`, `doctor`, `version`. */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { whole } from "./option-values.ts";

const PORT_MAX = 65_535;

export function addServerCommands(program: Command, perform: Performing): void {
  program
    .command("start")
    .description("a server in this folder, with the examples applied and one of them run")
    .option("--port <port>", "port to listen on; 0 takes a free one", whole(0, PORT_MAX))
    .action(perform(async () => (await import("../commands/start.ts")).start));
  program
    .command("server")
    .description("run the server")
    .option("--port <port>", "port to listen on; 0 takes a free one (4180)", whole(0, PORT_MAX))
    .option("--host <address>", "address to listen on (127.0.0.1)")
    .option("--store <url>", "where jobs are kept: postgres://…, or SQLite in the data folder when left out")
    .action(perform(async () => (await import("../commands/server.ts")).server));
  program
    .command("doctor")
    .description("look at what is around Windlass, and say what each missing thing would give")
    .action(perform(async () => (await import("../commands/doctor.ts")).doctor));
  program
    .command("version")
    .description("versions of this program, of Node and of the server")
    .action(perform(async () => (await import("../commands/version.ts")).version));
}
