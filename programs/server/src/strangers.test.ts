import { WindlassError } from "@windlass/kernel";
import { client } from "@windlass/sdk";
import { expect, test } from "vitest";
import { BASE, testServer, TOKEN } from "./server-fixture.ts";
import { strangers } from "./strangers.ts";

const opens = async (): Promise<string> => "opened";
const unknown = async (): Promise<never> => {
  throw new WindlassError("unauthorized", "the token is not known to this server");
};
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "opened",
    (error: WindlassError) => error.code,
  );

/** How many tokens this address can try until none is looked up any more. */
async function tries(door: ReturnType<typeof strangers>, address: string | null, most = 100): Promise<number> {
  for (let n = 0; n < most; n++) if ((await codeOf(door.lookUp(`bad ${n}`, address, unknown))) === "rate_limited") return n;
  return most;
}

test("an address that came with too many bad tokens has no more looked up, until time has passed (S1)", async () => {
  let now = 0;
  const door = strangers(60, () => now);
  expect(await door.lookUp("known", "203.0.113.7", opens)).toBe("opened");
  expect(await tries(door, "203.0.113.7")).toBe(30);
  expect(await codeOf(door.lookUp("new", "203.0.113.7", opens))).toBe("rate_limited");
  expect(await codeOf(door.lookUp("known", "203.0.113.7", opens))).toBe("opened");
  expect(await codeOf(door.lookUp("new", "203.0.113.8", opens))).toBe("opened");
  now += 2_000;
  expect(await tries(door, "203.0.113.7")).toBe(2);
  expect(await codeOf(door.lookUp("known", "203.0.113.7", unknown)), "revoked meanwhile").toBe("unauthorized");
  expect(await codeOf(door.lookUp("known", "203.0.113.7", opens))).toBe("rate_limited");
});

test.each([
  ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8::1", "2001:db8:0:0:5::1", true],
  ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
  ["::ffff:203.0.113.7", "203.0.113.7", true],
  ["203.0.113.7", "203.0.113.8", false],
])("%s and %s are counted together: %s", async (one, other, together) => {
  const door = strangers(60, () => 0);
  await tries(door, one);
  expect(await tries(door, other)).toBe(together ? 0 : 30);
});

test("this machine's own addresses, and calls without a socket, have no limit (S2); zero is none at all", async () => {
  const door = strangers(60, () => 0);
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", null]) expect(await tries(door, address)).toBe(100);
  expect(
    await tries(
      strangers(0, () => 0),
      "203.0.113.7",
    ),
  ).toBe(100);
});

test("the API says so with 429 and when to come back; the admin and who was known before go on", async () => {
  const server = await testServer({ badTokensPerMinute: 60 });
  const from = "203.0.113.7";
  const ask = (token: string): Promise<Response> =>
    server.app.fetch(new Request(`${BASE}/api/v1/jobs`, { headers: { authorization: `Bearer ${token}` } }), from);
  const { secret } = await client({
    url: BASE,
    token: TOKEN,
    fetch: (url, init) => server.app.fetch(new Request(url, init)),
  }).tokens.create({
    name: "reader",
    roles: ["read"],
  });
  expect((await ask(secret)).status).toBe(200);
  const statuses: number[] = [];
  for (let n = 0; n < 31; n++) statuses.push((await ask(`wl_${n}`)).status);
  expect(statuses).toEqual([...Array<number>(30).fill(401), 429]);
  const refused = await ask("wl_more");
  expect([refused.headers.get("retry-after"), await refused.text()]).toEqual(["1", expect.stringContaining("server.badTokensPerMinute")]);
  expect([(await ask(secret)).status, (await ask(TOKEN)).status]).toEqual([200, 200]);
  await server.close();
});
