import { expect, test } from "vitest";
import { localBus } from "./local-bus.ts";

test("listeners of a topic are called in order, until they end their subscription", async () => {
  const bus = localBus();
  const heard: string[] = [];
  const listen = (name: string) => bus.subscribe("ready", (key) => void heard.push(`${name} ${key}`));
  const ends = [listen("a"), listen("b")];
  bus.publish("ready", "handler/default");
  bus.publish("woken", "");
  ends[0]?.();
  bus.publish("ready", "handler/mail");
  expect(heard).toEqual(["a handler/default", "b handler/default", "b handler/mail"]);
  await bus.close();
  bus.publish("ready", "x");
  expect(heard).toHaveLength(3);
});

test("the same function may listen twice, and each ends on its own", () => {
  const bus = localBus();
  let calls = 0;
  const listener = (): void => void calls++;
  const end = bus.subscribe("timer", listener);
  bus.subscribe("timer", listener);
  end();
  bus.publish("timer", "");
  expect(calls).toBe(1);
});
