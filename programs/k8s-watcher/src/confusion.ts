/** What was told against what was true: a matrix of outcomes, and how long each death took to be told. Pure. */
import type { DeathResult } from "./conformance.ts";

export interface Confusion {
  readonly right: number;
  readonly all: number;
  /** True outcome → told outcome → how often. */
  readonly matrix: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly deaths: readonly DeathFigures[];
}

export interface DeathFigures {
  readonly death: string;
  readonly right: number;
  readonly all: number;
  /** What was told, each once. */
  readonly told: readonly string[];
  /** From the death until it was told. */
  readonly medianSeconds: number | null;
  readonly maxSeconds: number | null;
  /** The part of that since the cluster showed it. */
  readonly medianShownSeconds: number | null;
  readonly maxShownSeconds: number | null;
}

const NOTHING = "nothing";

export function confusionOf(results: readonly DeathResult[]): Confusion {
  const matrix: Record<string, Record<string, number>> = {};
  for (const { expected, found } of results) {
    // Where clusters differ, the one that was told is the true one.
    const truth = outcomeOf(expected.find((one) => one === found) ?? expected[0] ?? NOTHING);
    const row = (matrix[truth] ??= {});
    const told = outcomeOf(found ?? NOTHING);
    row[told] = (row[told] ?? 0) + 1;
  }
  const names = [...new Set(results.map(({ death }) => death))];
  return { right: results.filter(isRight).length, all: results.length, matrix, deaths: names.map((name) => figuresOf(name, results)) };
}

function figuresOf(death: string, results: readonly DeathResult[]): DeathFigures {
  const own = results.filter((one) => one.death === death);
  const [medianSeconds, maxSeconds] = medianAndMax(own.map(({ seconds }) => seconds));
  const [medianShownSeconds, maxShownSeconds] = medianAndMax(own.map(({ shownSeconds }) => shownSeconds));
  return {
    death,
    right: own.filter(isRight).length,
    all: own.length,
    told: [...new Set(own.map(({ found }) => found ?? NOTHING))],
    medianSeconds,
    maxSeconds,
    medianShownSeconds,
    maxShownSeconds,
  };
}

function medianAndMax(values: readonly (number | null)[]): readonly [number | null, number | null] {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return [known[Math.floor((known.length - 1) / 2)] ?? null, known.at(-1) ?? null];
}

function isRight({ expected, found }: DeathResult): boolean {
  return found !== null && expected.includes(found);
}

function outcomeOf(told: string): string {
  return told.split(" ")[0] ?? told;
}
