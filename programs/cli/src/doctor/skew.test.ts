import { expect, test } from "vitest";
import { skewOf, withTimeService } from "./skew.ts";

test("a clock that was read between question and answer is the same, however long that took", () => {
  expect(skewOf({ askedAt: 10_000, answeredAt: 10_020, theirs: 10_005 }, "the server's")).toEqual({
    found: "the same as the server's but for 15ms at most",
  });
  expect(skewOf({ askedAt: 10_000, answeredAt: 14_000, theirs: 13_900 }, "the server's").status).toBeUndefined();
});

test("what lies outside of both is a difference, with its direction", () => {
  const asked = { askedAt: 10_000, answeredAt: 10_020 };
  expect(skewOf({ ...asked, theirs: 15_020 }, "the server's")).toMatchObject({ status: "warning", found: "5s behind the server's" });
  expect(skewOf({ ...asked, theirs: 7_000 }, "the server's")).toMatchObject({ status: "warning", found: "3s ahead of the server's" });
});

test("a clock that nothing keeps right is a warning, also where no other tells; what systemd does not say counts for nothing", () => {
  const alone = { status: "missing", found: "there is no server to compare with" } as const;
  const same = { found: "the same as the server's but for 15ms at most" };
  const off = { status: "warning", found: "5s behind the server's", mend: "timedatectl set-ntp true" } as const;
  const said = (text: string): { readonly text: string; readonly failure: null } => ({ text, failure: null });
  expect(withTimeService(alone, said("yes"))).toEqual({ found: `kept right by a time service; ${alone.found}` });
  expect(withTimeService(same, said("no"))).toMatchObject({ status: "warning", found: `no time service keeps it right; ${same.found}` });
  expect(withTimeService(off, said("yes"))).toMatchObject({ status: "warning", found: `kept right by a time service; ${off.found}` });
  expect(withTimeService(off, said("no"))).toBe(off);
  for (const answer of [said(""), { text: "", failure: "not installed" }]) expect(withTimeService(alone, answer)).toBe(alone);
});
