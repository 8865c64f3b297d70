/** What a check of the surroundings finds. */
export interface Finding {
  readonly name: string;
  /** `missing`: Windlass works without it; `gives` says what it would add. */
  readonly status: "ok" | "missing" | "failed";
  readonly found: string;
  /** What it is there for; of what is missing, what it would give. */
  readonly gives: string;
}

export type Check = () => Promise<Finding>;
