/** The refusal of a value that is none of those that an option knows: where it was, what was found, what is near, and what is allowed. */
import { didYouMean, WindlassError } from "@windlass/kernel";

interface Given {
  /** What the words of the option name, such as `state`. */
  readonly what: string;
  readonly value: string;
  readonly known: readonly string[];
  /** Where all of them are told, for those that are too many to read in a terminal. */
  readonly told?: string;
}

/** Throws `usage`. */
export function demandKnown(option: string, { what, value, known, told }: Given): void {
  if (known.includes(value)) return;
  const allowed = told === undefined ? known.join(", ") : `one of ${known.length} words: ${told}`;
  throw new WindlassError("usage", `${option}: there is no ${what} "${value}"${didYouMean(value, known)}\nAllowed: ${allowed}`);
}
