/** A rest that keeps the process alive, for commands that have nothing else to wait on. */
export function rest(durationMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, durationMs));
}

/** Keeps the process alive until the returned function is called: for programs that wait for jobs. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}

/** As long as a timer of Node can be: it does nothing. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;
