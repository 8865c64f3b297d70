/** All items of a list that comes in pages. A page is fetched when its first item is asked for. */
import type { CallOptions } from "./ongoing-call.ts";

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
}

export type PageCall = (input: Readonly<Record<string, unknown>>, options?: CallOptions) => Promise<Page>;

export function eachItem(list: PageCall) {
  return async function* each(input: Readonly<Record<string, unknown>> = {}, options: CallOptions = {}): AsyncGenerator {
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await list({ ...input, cursor }, options);
      yield* page.items;
      cursor = page.nextCursor;
    }
  };
}
