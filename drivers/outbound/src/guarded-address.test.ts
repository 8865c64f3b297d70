import { expect, test } from "vitest";
import { faultOfAddress } from "./guarded-address.ts";

const LOCAL = ["127.0.0.1", "127.255.0.9", "169.254.169.254", "::1", "fe80::1", "fe80::1%eth0", "febf::1"];
const HIDDEN = [
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::127.0.0.1",
  "64:ff9b::a9fe:a9fe",
  "2002:7f00:1::",
  "0:0:0:0:0:ffff:169.254.169.254",
];
const NOWHERE = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"];
const ELSEWHERE = ["10.0.0.7", "192.168.1.1", "93.184.216.34", "2606:4700::1111", "fd00::1", "::ffff:10.0.0.7", "64:ff9b::808:808"];

test("this machine and its link are not called, however their addresses are written", () => {
  for (const address of [...LOCAL, ...HIDDEN]) expect(faultOfAddress(address, false), address).not.toBeNull();
});

test("they are where that is allowed; what is no server's is never", () => {
  for (const address of [...LOCAL, ...HIDDEN]) expect(faultOfAddress(address, true), address).toBeNull();
  for (const address of NOWHERE) expect(faultOfAddress(address, true), address).not.toBeNull();
});

test("others are called, also those of a private network: that is where receivers are", () => {
  for (const address of ELSEWHERE) expect(faultOfAddress(address, false), address).toBeNull();
});
