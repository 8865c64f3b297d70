/** All of a list that comes in pages. */
interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

const PAGE_MAX = 500;

/**
 * In the shape of one page, which is the last. A length is asked for only of a server that has told of a second page: one
 * whose lists have no pages yet refuses it.
 */
export async function allPages<Item>(
  page: (input: { readonly limit?: number; readonly cursor?: string }) => Promise<Page<Item>>,
): Promise<{ readonly items: Item[] }> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const read: Page<Item> = await page(cursor === null ? {} : { limit: PAGE_MAX, cursor });
    items.push(...read.items);
    cursor = read.nextCursor;
  } while (cursor !== null);
  return { items };
}
