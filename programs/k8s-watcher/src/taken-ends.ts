/** UIDs of Jobs whose end the server has taken. Bounded: the oldest of those that are not there any more go first. */
const TAKEN_MAX = 20_000;

export class TakenEnds {
  readonly #uids = new Set<string>();
  readonly #isThere: (uid: string) => boolean;
  readonly #max: number;

  constructor(isThere: (uid: string) => boolean, max: number = TAKEN_MAX) {
    this.#isThere = isThere;
    this.#max = max;
  }

  has(uid: string): boolean {
    return this.#uids.has(uid);
  }

  add(uid: string): void {
    this.#uids.delete(uid);
    this.#uids.add(uid);
    if (this.#uids.size <= this.#max) return;
    const old = [...this.#uids].find((one) => one !== uid && !this.#isThere(one));
    if (old !== undefined) this.#uids.delete(old);
  }
}
