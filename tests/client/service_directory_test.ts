import { assert, assertEquals } from "@std/assert";
import { Ref } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { ServiceDirectory } from "../../lib/client/service_directory.ts";
import { emptyTopology, type Topology } from "../../lib/cluster/gateway/topology.ts";

class At extends Ref<never> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;

  constructor(node: string, path: string, uid: number) {
    super();
    this.node = node;
    this.path = path;
    this.uid = uid;
  }
  override tell(): void {}
}

const key = ServiceKey<never>("x");

/** Each time with new references, as they come from the wire. */
function topology(...at: readonly (readonly [node: string, uid: number])[]): Topology {
  const refs = at.map(([node, uid]) => new At(node, "/x", uid));
  return { ...emptyTopology, services: refs.length === 0 ? [] : [{ key: "x", refs }] };
}

const everywhere = () => true;

Deno.test("the list is the same until it changes, and keeps its references", () => {
  const directory = new ServiceDirectory();
  assertEquals(directory.lookup(key), []);
  directory.update(topology(["a", 1], ["b", 1]), everywhere);
  const first = directory.lookup(key);
  assertEquals(first.length, 2);
  directory.update(topology(["a", 1], ["b", 1]), everywhere);
  assert(directory.lookup(key) === first);
  directory.update(topology(["a", 2], ["b", 1]), everywhere);
  const second = directory.lookup(key);
  assert(second !== first && second[1] === first[1] && second[0] !== first[0]);
  assert(Object.isFrozen(second));
});

Deno.test("actors on nodes that cannot be reached are not listed", () => {
  const directory = new ServiceDirectory();
  directory.update(topology(["a", 1], ["b", 1]), (node) => node === "b");
  assertEquals(directory.lookup(key).map((ref) => (ref as unknown as At).node), ["b"]);
});

Deno.test("a subscription gives the present, then each change; who is slow gets the newest", async () => {
  const directory = new ServiceDirectory();
  const subscription = directory.subscribe(key);
  assertEquals((await subscription.next()).value?.length, 0);
  const waiting = subscription.next();
  directory.update(topology(["a", 1]), everywhere);
  assertEquals((await waiting).value?.length, 1);
  directory.update(topology(), everywhere);
  directory.update(topology(["a", 1], ["b", 1]), everywhere);
  assertEquals((await subscription.next()).value?.length, 2);
  const last = subscription.next();
  directory.close();
  assertEquals((await last).done, true);
  assertEquals((await directory.subscribe(key).next()).value?.length, 2);
});

Deno.test("to leave the loop ends the subscription", async () => {
  const directory = new ServiceDirectory();
  const subscription = directory.subscribe(key);
  for await (const refs of subscription) if (refs.length === 0) break;
  directory.update(topology(["a", 1]), everywhere);
  assertEquals((await subscription.next()).done, true);
  await using other = directory.subscribe(key);
  assertEquals((await other.next()).done, false);
});
