/** A line from the keyboard that does not appear on the screen. */
import { StringDecoder } from "node:string_decoder";

const ENTER = ["\r", "\n"];
const INTERRUPT = "\u0003";
const END = "\u0004";
const BACKSPACE = ["\u007F", "\b"];

/** Null when it was broken off (Ctrl-C, or Ctrl-D on an empty line). What is pasted with line ends in it is taken up to the first. */
export async function hiddenLine(
  question: string,
  { stdin, stderr }: Pick<NodeJS.Process, "stdin" | "stderr"> = process,
): Promise<string | null> {
  stderr.write(question);
  stdin.setRawMode(true);
  try {
    return await new Promise((resolve) => {
      const decoder = new StringDecoder("utf8");
      let typed: string[] = [];
      const done = (line: string | null): void => {
        stdin.off("data", listener);
        resolve(line);
      };
      const listener = (data: Buffer): void => {
        for (const character of decoder.write(data)) {
          if (ENTER.includes(character)) return done(typed.join(""));
          if (character === INTERRUPT || (character === END && typed.length === 0)) return done(null);
          if (BACKSPACE.includes(character)) typed = typed.slice(0, -1);
          else if (character >= " " || character === "\t") typed.push(character);
        }
      };
      stdin.on("data", listener);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
