/** Pages of a list that its store gives as a whole: what is asked for is sent, and where the next page begins. Pure. */

export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** In the order of the keys, which are the cursors: what is added or removed between two pages repeats and hides no other. */
export function pageOf<Item>(
  all: readonly Item[],
  { limit, cursor = "" }: { readonly limit: number; readonly cursor?: string | undefined },
  keyOf: (item: Item) => string,
): Page<Item> {
  const behind = all
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => key > cursor)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const shown = behind.slice(0, limit);
  return { items: shown.map(({ item }) => item), nextCursor: behind.length > limit ? (shown.at(-1)?.key ?? null) : null };
}
