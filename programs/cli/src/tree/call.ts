/**
 * What a command gets: its arguments and options, and the world around it. Commands are loaded when they are called, so
 * that `windlass --help` loads none of them.
 */
import { hasCode } from "@windlass/kernel";
import type { Command } from "commander";
import type { Environment } from "../machine/environment.ts";
import type { Format, Presentation } from "../output/present.ts";
import type { Terminal } from "../output/terminal.ts";
import { isWatchable } from "./watchable.ts";

export interface GlobalOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly output?: Format;
  readonly server?: string;
  readonly context?: string;
  readonly token?: string;
  readonly data?: string;
  readonly workspace?: string;
  readonly local?: boolean;
}

/** What a program is given by whoever starts it. */
export interface World {
  /** The command line, as it was typed. */
  readonly typed: readonly string[];
  readonly terminal: Terminal;
  readonly environment: Environment;
  /**
   * Called at the first signal that asks for an end; a second one ends the process, but for one that is patient. Returns how
   * to take it back.
   */
  onInterrupt(callback: (signal: "SIGINT" | "SIGTERM") => void, options?: { readonly isPatient?: boolean }): () => void;
}

export interface Call<Options extends object = object> extends World, Presentation {
  readonly args: readonly (string | readonly string[] | undefined)[];
  readonly options: GlobalOptions & Options;
}

/** Resolves to the exit code; nothing is 0. */
export type Perform<Options extends object> = (call: Call<Options>) => Promise<number | void>;

/** Makes a commander action of a command that is loaded when it is called. */
export function actionOf<Options extends object>(
  world: World,
  load: () => Promise<Perform<Options>>,
  done: (exitCode: number) => void,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options: GlobalOptions & Options = command.optsWithGlobals();
    const format = options.json === true ? "json" : (options.output ?? "table");
    const perform = await load();
    const call: Call<Options> = { ...world, args: args.slice(0, -2) as Call["args"], options, format };
    try {
      if (options.watch === true && isWatchable(command))
        return done(await (await import("../follow/watch-answer.ts")).watchAnswer(call, perform));
      done((await perform(call)) ?? 0);
    } catch (error) {
      throw hasCode(error, "unreachable") ? (await import("../connection/left-behind.ts")).explained(error, call) : error;
    }
  };
}

/** The argument at this place: commander has made sure that it is there. */
export function argumentOf(call: Call, index: number): string {
  const value = call.args[index];
  return typeof value === "string" ? value : "";
}
