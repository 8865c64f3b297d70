/** Which driver a store's address asks for. Pure. */
import { WindlassError } from "@windlass/kernel";

export type StoreName = "sqlite" | "postgres";

/** By URL scheme. Throws `store_unsupported`, without showing a password. */
export function storeNameOf(url: string): StoreName {
  if (url === "") return "sqlite";
  if (/^postgres(ql)?:\/\//u.test(url)) return "postgres";
  throw new WindlassError(
    "store_unsupported",
    `the store is "${url.replace(/\/\/[^@/]*@/u, "//…@")}"; it must be postgres://…, or empty for SQLite in the data folder`,
  );
}
