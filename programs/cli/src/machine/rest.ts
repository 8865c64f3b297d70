/** A rest that keeps the process alive, for commands that have nothing else to wait on. */
export function rest(durationMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, durationMs));
}
