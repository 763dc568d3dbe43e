import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { portableLog } from "../../../lib/testkit/simulation/portable_log.ts";

Deno.test("the portable logarithm is that of Math.log, but for its last bits", () => {
  const positive = fc.double({ min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true });
  fc.assert(fc.property(positive, (value) => {
    const exact = Math.log(value);
    assert(Math.abs(portableLog(value) - exact) <= 1e-15 * Math.max(1, Math.abs(exact)));
  }));
  for (const value of [0, -1, NaN, Infinity]) assertEquals(portableLog(value), Math.log(value));
  assertEquals(portableLog(1), 0);
});

Deno.test("the portable logarithm has the same bits on every engine", () => {
  const view = new DataView(new ArrayBuffer(8));
  let hash = 0n;
  for (let index = 1; index < 10_000; index++) {
    view.setFloat64(0, portableLog(index / 10_000));
    hash = BigInt.asUintN(64, (hash ^ view.getBigUint64(0)) * 0x100000001b3n);
  }
  assertEquals(hash.toString(16), "7239a5e094389b87");
});
