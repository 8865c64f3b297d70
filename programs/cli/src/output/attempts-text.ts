/** `1 attempt`, `2 attempts`. Pure. */
export function attemptsText(count: number): string {
  return `${count} ${count === 1 ? "attempt" : "attempts"}`;
}
