/** The nominal times of one timing, in ms: what expressions and intervals have in common. */
export interface Fires {
  /** The first with `after < time <= until`. */
  next(after: number, until: number): number | null;
  /** How many there are with `after < time <= until`. */
  count(after: number, until: number): number;
}
