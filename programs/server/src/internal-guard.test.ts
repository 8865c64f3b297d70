import { expect, test } from "vitest";
import { internalGuard } from "./internal-guard.ts";
import { strangers } from "./strangers.ts";

const TOKEN = "an-internal-token-for-tests";
const guardOf = (token: string) =>
  internalGuard(
    token,
    strangers(60, () => 0),
  );
const bearing = (token: string): Headers => new Headers({ authorization: `Bearer ${token}` });

test("whoever tries tokens from one address is soon refused without a look, and whoever has the right one is not", async () => {
  const guard = guardOf(TOKEN);
  await guard(bearing(TOKEN), "192.0.2.7");
  const codes: unknown[] = [];
  for (let n = 0; n < 40; n++) codes.push(await guard(bearing(`guess-${n}`), "192.0.2.7").catch((error: { code: string }) => error.code));
  expect(codes[0]).toBe("forbidden");
  expect(codes.at(-1)).toBe("rate_limited");
  await guard(bearing(TOKEN), "192.0.2.7");
  await expect(guard(bearing("guess"), "192.0.2.8")).rejects.toMatchObject({ code: "forbidden" });
});

test("a token that could be guessed is refused at the start, and none at all closes the door", async () => {
  expect(() => guardOf("short")).toThrow(/at least 16/u);
  await expect(guardOf("")(bearing(""), null)).rejects.toMatchObject({ code: "unavailable" });
  await expect(guardOf("")(new Headers(), null)).rejects.toMatchObject({ code: "unavailable" });
});
