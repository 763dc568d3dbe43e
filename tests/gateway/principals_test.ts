import { assert, assertEquals } from "@std/assert";
import { Principals } from "../../lib/gateway/server/principals.ts";

const limits = {
  maxPrincipals: 2,
  maxSocketsPerPrincipal: 2,
  maxSessionsPerPrincipal: 2,
  maxCallsPerPrincipal: 2,
  messagesPerSecond: 10,
  bytesPerSecond: 1_000,
};

Deno.test("a principal may send a second's budget at once, and then as it refills", () => {
  const principals = new Principals(limits);
  const ann = principals.account("ann", 0)!;
  const taken = (count: number, now: number) => {
    let taken = 0;
    for (let at = 0; at < count; at++) if (principals.take(ann, 10, now)) taken++;
    return taken;
  };
  assertEquals(taken(20, 0), 10);
  assertEquals(taken(20, 100), 1);
  assertEquals(taken(20, 1_100), 10);
});

Deno.test("long messages count by their length, and one that is longer takes a whole second", () => {
  const principals = new Principals(limits);
  const ann = principals.account("ann", 0)!;
  assert(principals.take(ann, 600, 0));
  assert(!principals.take(ann, 600, 0));
  assert(principals.take(ann, 600, 200));
  assert(!principals.take(ann, 5_000, 900));
  assert(principals.take(ann, 5_000, 2_000));
});

Deno.test("a principal that has nothing is forgotten once its budget is full again", () => {
  const principals = new Principals(limits);
  const ann = principals.account("ann", 0)!;
  const bob = principals.account("bob", 0)!;
  bob.sockets = 1;
  for (let count = 0; count < 10; count++) principals.take(ann, 1, 0);
  // It could not begin anew with a full budget.
  assertEquals(principals.account("eve", 500), undefined);
  assertEquals(principals.size, 2);
  assert(principals.account("eve", 1_000) !== undefined);
  assertEquals(principals.size, 2);
  assertEquals(principals.account("bob", 9_000), bob);
  assertEquals(principals.account("ann", 9_000)?.sockets, 0);
});

Deno.test("sockets, sessions and calls are counted", () => {
  const principals = new Principals(limits);
  const ann = principals.account("ann", 0)!;
  assert(principals.mayConnect(ann) && principals.mayOpenSession(ann) && principals.mayCall(ann));
  ann.sockets = ann.sessions = ann.calls = 2;
  assert(
    !principals.mayConnect(ann) && !principals.mayOpenSession(ann) && !principals.mayCall(ann),
  );
});
