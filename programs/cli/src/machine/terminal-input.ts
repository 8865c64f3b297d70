/** Keys and the size of the window, for what fills the whole terminal. The terminal gets its own ways back at any end of the process. */

export interface TerminalInput {
  /** False once it was stopped. */
  isListening(): boolean;
  /** Back to how it was. */
  stop(): void;
}

/** What one key sends. Over a slow line several come together, and so do those of a key that is held down. */
// oxlint-disable-next-line no-control-regex -- keys that are no letters begin with an escape
const KEY = /\u001B[[O][0-9;]*[A-Za-z~]|[^]/gu;

/** `onKey` gets what a key sends: `q`, `\u0003` for Ctrl-C, `\u001B[C` for an arrow. */
export function listenToTerminal(
  { onKey, onResize, restore }: { readonly onKey: (key: string) => void; readonly onResize: () => void; readonly restore: () => void },
  { stdin, stdout }: Pick<NodeJS.Process, "stdin" | "stdout"> = process,
): TerminalInput {
  const hasKeys = stdin.isTTY;
  const listener = (data: Buffer): void => {
    for (const [key] of data.toString("latin1").matchAll(KEY)) onKey(key);
  };
  if (hasKeys) {
    stdin.setRawMode(true);
    stdin.on("data", listener);
  }
  stdout.on("resize", onResize);
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    process.off("exit", stop);
    stdout.off("resize", onResize);
    if (hasKeys) {
      stdin.off("data", listener);
      stdin.setRawMode(false);
      stdin.pause();
    }
    restore();
  };
  process.once("exit", stop);
  return { isListening: () => !stopped, stop };
}
