import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkRemember } from "../../lib/sharding/remember/remember_options.ts";
import {
  parseRememberMessage,
  type RememberMessage,
} from "../../lib/sharding/remember/remember_protocol.ts";
import {
  type OutgoingMessage,
  RememberedEntities,
} from "../../lib/sharding/remember/remembered_entities.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** Nodes that replicate their lists over links that lose messages. */
class Memories {
  readonly nodes = new Map<string, RememberedEntities>();

  constructor(names: string, maxPerShard = 100) {
    for (const name of names) this.nodes.set(name, new RememberedEntities("carts", maxPerShard));
  }

  of(name: string): RememberedEntities {
    return this.nodes.get(name)!;
  }

  tell(from: string, remembrances: readonly OutgoingMessage[], isLost = () => false): void {
    for (const { to, message } of remembrances) {
      for (const [name, node] of this.nodes) {
        if (name === from || (to !== undefined && to !== name) || isLost()) continue;
        assertEquals(parseRememberMessage(structuredClone(message)), message);
        this.tell(name, node.receive(from, message), isLost);
      }
    }
  }

  own(name: string, shard: number, epoch: number): void {
    this.tell(name, this.of(name).own(shard, epoch));
  }

  start(name: string, shard: number, ...ids: string[]): void {
    for (const id of ids) this.of(name).started(shard, id);
    this.tell(name, this.of(name).takeChanges());
  }
}

const waiting = (node: RememberedEntities, count = 100) => node.takeWaiting(count);

Deno.test("the next owner starts the entities of an owner that has died", () => {
  const world = new Memories("abc");
  world.own("a", 3, 1);
  world.start("a", 3, "x", "y");
  world.nodes.delete("a");
  world.own("b", 3, 2);
  assertEquals(waiting(world.of("b")), [[3, "x"], [3, "y"]]);
  assert(!world.of("b").hasWaiting);
  // And the one after that, too.
  world.tell("b", world.of("b").digests());
  world.nodes.delete("b");
  world.own("c", 3, 3);
  assertEquals(waiting(world.of("c")), [[3, "x"], [3, "y"]]);
});

Deno.test("an entity that has stopped is forgotten at all nodes", () => {
  const world = new Memories("ab");
  world.own("a", 3, 1);
  world.start("a", 3, "x", "y");
  world.of("a").stopped(3, "x");
  world.tell("a", world.of("a").takeChanges());
  world.own("b", 3, 2);
  assertEquals(waiting(world.of("b")), [[3, "y"]]);
});

Deno.test("a node that joins late gets the lists, and one that missed a change requests them", () => {
  const world = new Memories("a");
  world.own("a", 3, 1);
  world.start("a", 3, "x");
  world.nodes.set("b", new RememberedEntities("carts", 100));
  world.start("a", 3, "y");
  assertEquals(world.of("b").idsOf(3), ["x", "y"]);
  world.nodes.set("c", new RememberedEntities("carts", 100));
  world.tell("a", world.of("a").digests());
  assertEquals(world.of("c").idsOf(3), ["x", "y"]);
});

Deno.test("a new owner that has missed the last changes gets them from the others", () => {
  const world = new Memories("abc");
  world.own("a", 3, 1);
  world.start("a", 3, "x", "gone");
  // Only c gets these.
  world.of("a").started(3, "y");
  world.of("a").stopped(3, "gone");
  for (const { message } of world.of("a").takeChanges()) world.of("c").receive("a", message);
  world.nodes.delete("a");
  world.own("b", 3, 2);
  assertEquals(waiting(world.of("b")), [[3, "x"], [3, "y"]]);
  assertEquals(world.of("b").idsOf(3), ["x", "y"]);
});

Deno.test("entities that were started or stopped here overrule the lists of others", () => {
  const world = new Memories("ab");
  world.own("a", 3, 1);
  world.start("a", 3, "x");
  const late = { type: "list", shardType: "carts", shard: 3, epoch: 1, change: 9, ids: ["x", "z"] };
  const { nodes } = world;
  nodes.delete("a");
  world.own("b", 3, 2);
  world.of("b").started(3, "x");
  world.of("b").stopped(3, "x");
  world.of("b").receive("c", late as RememberMessage);
  assertEquals(waiting(world.of("b")), [[3, "z"]]);
});

Deno.test("entities are started in batches, and none when the shard has left again", () => {
  const world = new Memories("ab");
  world.own("a", 3, 1);
  world.start("a", 3, ...Array.from({ length: 12 }, (_, n) => `e${n}`));
  world.own("b", 3, 2);
  assertEquals(waiting(world.of("b"), 5).length, 5);
  assertEquals(waiting(world.of("b"), 5).length, 5);
  world.of("b").leave(3);
  assertEquals(waiting(world.of("b"), 5), []);
  assertEquals(world.of("b").idsOf(3).length, 12);
});

Deno.test("lists are bounded", () => {
  const world = new Memories("ab", 2);
  world.own("a", 3, 1);
  assert(world.of("a").started(3, "x"));
  assert(world.of("a").started(3, "y"));
  assert(!world.of("a").started(3, "z"));
  world.tell("a", world.of("a").takeChanges());
  assertEquals(world.of("b").idsOf(3), ["x", "y"]);
});

Deno.test("a stored list counts only where no node has one", () => {
  const world = new Memories("ab");
  world.own("a", 3, 1);
  world.of("a").loaded(3, ["x"]);
  assertEquals(waiting(world.of("a")), [[3, "x"]]);
  world.start("a", 3, "x");
  world.own("b", 3, 2);
  world.of("b").loaded(3, ["old"]);
  assertEquals(waiting(world.of("b")), [[3, "x"]]);
});

Deno.test("all nodes converge on the same lists after losses: 300 seeds", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new SeededRandom(seed);
    const world = new Memories("abcd");
    const isLost = () => random.next() < 0.3;
    let owner = "a";
    let epoch = 1;
    world.tell(owner, world.of(owner).own(1, epoch), isLost);
    for (let step = 0; step < 60; step++) {
      const node = world.of(owner);
      const id = `e${Math.floor(random.next() * 10)}`;
      const dice = random.next();
      if (dice < 0.5) node.started(1, id);
      else if (dice < 0.8) node.stopped(1, id);
      else if (dice < 0.9) world.tell(owner, node.digests(), isLost);
      else {
        node.leave(1);
        owner = "abcd"[Math.floor(random.next() * 4)]!;
        world.tell(owner, world.of(owner).own(1, ++epoch), isLost);
      }
      world.tell(owner, world.of(owner).takeChanges(), isLost);
    }
    for (let round = 0; round < 4; round++) {
      world.tell(owner, world.of(owner).digests());
      world.tell(owner, world.of(owner).takeChanges());
    }
    const expected = world.of(owner).idsOf(1).toSorted();
    for (const [name, node] of world.nodes) {
      assertEquals(node.idsOf(1).toSorted(), expected, `seed ${seed}: ${name}, owner ${owner}`);
    }
  }
});

Deno.test("options of rememberEntities are checked", () => {
  assertEquals(checkRemember(undefined), undefined);
  assertEquals(checkRemember(false), undefined);
  assertEquals(checkRemember(true), {
    store: undefined,
    batch: 5,
    interval: 100,
    maxPerShard: 1_000,
  });
  const bad = [{ batch: 0 }, { interval: 0 }, { maxPerShard: 10_001 }, { store: {} }, "yes"];
  for (const options of bad) {
    const error = assertThrows(() => checkRemember(options as never), OptionError);
    assertEquals(error.code, "badOption");
  }
});

Deno.test("a stored list of this cluster counts if it is newer than what a node remembers", () => {
  const memory = (change: number) => {
    const world = new Memories("ab");
    world.own("a", 3, 1);
    world.start("a", 3, "x");
    world.own("b", 3, 2);
    world.of("b").loaded(3, ["stored"], [1, change]);
    return waiting(world.of("b"));
  };
  assertEquals(memory(1), [[3, "x"]]);
  assertEquals(memory(99), [[3, "stored"]]);
});
