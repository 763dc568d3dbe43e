import { assert, assertEquals, assertRejects } from "@std/assert";
import { PersistenceError } from "../../lib/persistence/mod.ts";
import { StoreGuard } from "../../lib/persistence/store_guard.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

function guardOn(clock: ManualClock): StoreGuard {
  return new StoreGuard({ name: "store", maxWaiting: 5, callTimeout: 1_000, clock });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return ((await assertRejects(() => promise)) as PersistenceError).code ?? "none";
}

const failure = () => Promise.reject(new PersistenceError("storeUnavailable", "disk full"));

Deno.test("a store that has failed 10 times in a row is not called for 15 s, then tried once", async () => {
  const clock = new ManualClock();
  const guard = guardOn(clock);
  let calls = 0;
  const call = (work: () => Promise<unknown>) =>
    guard.run(() => {
      calls++;
      return work();
    });
  for (let n = 0; n < 10; n++) assertEquals(await codeOf(call(failure)), "storeUnavailable");
  assertEquals(calls, 10);
  assertEquals(guard.failure, "store is not called: it has failed several times in a row");
  const error = await assertRejects(() => call(failure), PersistenceError, "is not called");
  assertEquals((error as PersistenceError).code, "storeUnavailable");
  assertEquals((error as PersistenceError).value, 15_000);
  assertEquals(calls, 10);
  await clock.advance(15_000);
  assertEquals(guard.failure, undefined);
  const tried = codeOf(call(failure));
  assert(guard.failure !== undefined, "while it is tried");
  await tried;
  assertEquals(calls, 11);
  assert(guard.failure !== undefined);
  await codeOf(call(failure));
  assertEquals(calls, 11);
  await clock.advance(15_000);
  assertEquals(await call(() => Promise.resolve("works")), "works");
  assertEquals(guard.failure, undefined);
  assertEquals(await call(() => Promise.resolve("works")), "works");
});

Deno.test("failures between which the store works do not count", async () => {
  const guard = guardOn(new ManualClock());
  for (let n = 0; n < 30; n++) {
    await codeOf(guard.run(failure));
    if (n % 9 === 8) await guard.run(() => Promise.resolve());
  }
});

Deno.test("of a write that has not ended in time the outcome is unknown", async () => {
  const clock = new ManualClock();
  let aborted = false;
  const call = guardOn(clock).run((signal) => {
    signal.addEventListener("abort", () => aborted = true);
    return new Promise(() => {});
  });
  call.catch(() => {});
  await clock.advance(999);
  assert(!aborted);
  await clock.advance(1);
  assertEquals(await codeOf(call), "outcomeUnknown");
  assert(aborted);
});

Deno.test("no more entries wait than allowed; none after the end", () => {
  const guard = guardOn(new ManualClock());
  assertEquals(guard.refusal(4, 1), undefined);
  assertEquals(guard.refusal(4, 2)!.code, "storeUnavailable");
  assertEquals(guard.refusal(0, 9), undefined);
  guard.close();
  assertEquals(guard.refusal(0, 1)!.code, "storeUnavailable");
});
