import { expect, test } from "vitest";
import type { Link } from "./worker-link.ts";
import { still } from "./still-machine-fixture.ts";
import { workerSession } from "./worker-session.ts";

const down: Link = { up: false, url: "", say: () => {}, cut: () => {}, part: () => {}, close: async () => {} };

function outOfTouch({ isKept }: { readonly isKept: boolean }) {
  const { machine, pass } = still();
  let lost = 0;
  const session = workerSession({ machine, link: () => down, isKept, onLost: () => void lost++ });
  session.greeting();
  session.welcome("ses_1", 1_000);
  for (let i = 0; i < 100; i++) pass(100);
  return { session, lost: () => lost };
}

test("a session counts as lost when its time is over, and is told once", () => {
  const { session, lost } = outOfTouch({ isKept: false });
  expect([session.id, lost(), session.check()]).toEqual([null, 1, false]);
});

test("one that is kept lasts until the server says otherwise", () => {
  const { session, lost } = outOfTouch({ isKept: true });
  expect([session.id, lost(), session.check()]).toEqual(["ses_1", 0, false]);
  session.drop();
  expect([session.id, lost()]).toEqual([null, 0]);
});
