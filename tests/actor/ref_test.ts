import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { LocalRef, TemporaryRef } from "../../lib/actor/ref/local_ref.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { actorRef, isActorRef } from "../../lib/actor/ref/ref_schema.ts";
import { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import { RemoteRef } from "../../lib/remoting/remote_ref.ts";
import { TestRef } from "../wire/values.ts";

const quiet = Behaviors.receive<unknown>(() => Behaviors.same());

Deno.test("references are equal if they lead to the same incarnation, and then have the same key", async () => {
  await using system = new ActorSystem();
  const first = system.spawn(quiet, "a");
  const other = system.spawn(quiet, "b");
  assert(first.equals(first) && first.equals(system.lookup("/a")));
  assertEquals(first.key, system.lookup("/a")!.key);
  assert(!first.equals(other) && first.key !== other.key);
  for (const value of [undefined, null, "/a", first.path, { ...first }]) {
    assert(!first.equals(value));
  }
  await system.stop(first);
  const second = system.spawn(quiet, "a");
  assert(!first.equals(second) && !second.equals(first) && first.key !== second.key);
});

Deno.test("a reference has the same address and key wherever it is, and shows its node", () => {
  const address = { node: "a:1", path: "/x", uid: 7 };
  const [one, two] = [new TestRef(address), new TestRef({ ...address })];
  assert(one.equals(two) && one.key === two.key);
  assertEquals([one.address, one.key, String(one)], ["a:1", "a:1/x#7", "a:1/x"]);
  for (const change of [{ node: "b:1" }, { path: "/y" }, { uid: 8 }, { uid: 0 }]) {
    const other = new TestRef({ ...address, ...change });
    assert(!one.equals(other) && !other.equals(one) && other.key !== one.key);
  }
});

Deno.test("isActorRef tells references from everything that looks like one", async () => {
  await using system = new ActorSystem();
  const ref = system.spawn(quiet, "a");
  assert(isActorRef(ref));
  let reply: ActorRef<number> | undefined;
  const asked = system.ask(ref, (replyTo: ActorRef<number>) => reply = replyTo, { timeout: 1 });
  await asked.catch(() => {});
  assert(isActorRef(reply));
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const others = [undefined, null, 5, "/a", () => {}, [], { path: "/a", tell: ref.tell }, proxy];
  for (const other of others) assert(!isActorRef(other));
  const { "~standard": standard } = actorRef<number>();
  assertEquals([standard.version, standard.vendor], [1, "casty"]);
  const good = standard.validate(ref);
  assert(good.issues === undefined && good.value === ref);
  for (const other of others) assertEquals(standard.validate(other).issues?.length, 1);
});

class WithField {
  /** A field. */
  readonly a: unknown;
}

Deno.test("base classes of what is made for each message or ask define no fields", () => {
  // A line of the class's text, perhaps behind the end of a comment.
  const field = /^ {2,3}(?:[/*].*\*\/ )?[#\w]+(?: = .*)?;$/m;
  assert(field.test(WithField.toString()));
  for (const base of [Ref, TemporaryRef, LocalRef, SentMessage, RemoteRef]) {
    assert(!field.test(base.toString()), `${base.name} defines a field: see Ref`);
  }
});
