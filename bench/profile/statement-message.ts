/** What the threads say to each other while statements are counted. */
export const CHANNEL = "windlass-bench-statements";

export interface StatementTime {
  readonly sql: string;
  readonly count: number;
  readonly ms: number;
}
