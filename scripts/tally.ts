/** What passed and what failed, and the one line at the end that says so. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce((total, { passed, failed }) => ({ passed: total.passed + passed, failed: total.failed + failed }), {
    passed: 0,
    failed: 0,
  });
}

export function closingLine({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`;
}

/** Prints the closing line and sets the exit code by it. A run in which nothing passed has failed, too. */
export function close(tallies: readonly Tally[]): void {
  const total = sum(tallies);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
  process.stdout.write(`\n${closingLine(total)}\n`);
}
