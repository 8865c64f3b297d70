import { expect, test } from "vitest";
import { addressRules } from "./address-rules.ts";

const rules = addressRules({ allow: "10.1.0.0/16 *.good.example 127.0.0.9", deny: "loopback, link-local private bad.example" });

test.each([
  ["127.0.0.1", false],
  ["127.0.0.9", true],
  ["0.0.0.0", false],
  ["::1", false],
  ["fe80::1%eth0", false],
  ["169.254.169.254", false],
  ["::ffff:169.254.169.254", false],
  ["64:ff9b::7f00:1", false],
  ["2002:7f00:1::", false],
  ["10.0.0.1", false],
  ["10.1.2.3", true],
  ["93.184.216.34", true],
  ["2606:2800::1", true],
  ["nonsense", false],
])("%s is called: %s", (address, isCalled) => {
  expect(rules.addressFault(address, "host.example") === null).toBe(isCalled);
});

test("names are allowed with whatever they mean, and denied before they are resolved", () => {
  expect(rules.addressFault("127.0.0.1", "a.good.example")).toBe(null);
  expect(rules.addressFault("127.0.0.1", "good.example")).not.toBe(null);
  expect(rules.nameFault("bad.example")).toContain("is not called from this server");
  expect(rules.nameFault("other.example")).toBe(null);
});

test("what is no rule is refused", () => {
  expect(() => addressRules({ allow: "10.0.0.0/99", deny: "" })).toThrow("is no network");
  expect(() => addressRules({ allow: "", deny: "a*b" })).toThrow("is no rule");
});
