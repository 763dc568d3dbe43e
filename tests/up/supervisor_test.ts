import { assertEquals } from "@std/assert";
import type { KeyCommand } from "../../lib/up/key_commands.ts";
import {
  initialUpState,
  nextUpState,
  type UpEffect,
  type UpEvent,
  type UpState,
} from "../../lib/up/supervisor.ts";

/** A cluster whose processes do what they are asked to, when the test says so. */
class Lab {
  state: UpState;
  now = 1_000;
  said: string[] = [];

  constructor(nodes: number) {
    this.state = initialUpState(nodes, this.now);
  }

  /** The effects besides texts, such as `"spawn 1.1"` with node and run. */
  on(event: UpEvent): string[] {
    const { state, effects } = nextUpState(this.state, event, this.now);
    this.state = state;
    this.said = effects.flatMap((effect) => effect.type === "say" ? [effect.text] : []);
    return effects.filter(({ type }) => type !== "say").map(text);
  }

  key(type: "restart" | "kill" | "partition", node: number): string[] {
    return this.on({ type: "commanded", command: { type, node } });
  }

  plainKey(type: "status" | "help" | "quit"): string[] {
    const command: KeyCommand = { type };
    return this.on({ type: "commanded", command });
  }

  up(node: number): string[] {
    return this.on({ type: "nodeUp", node, run: this.run(node) });
  }

  members(node: number, members: number): string[] {
    return this.on({ type: "membersChanged", node, run: this.run(node), members });
  }

  ended(node: number, fault?: string): string[] {
    return this.on({ type: "nodeEnded", node, run: this.run(node), fault });
  }

  run(node: number): number {
    return this.state.nodes[node - 1]!.run;
  }

  phases(): string {
    return this.state.nodes.map(({ phase }) => phase).join(" ");
  }

  /** All up, and each sees all. */
  static running(nodes: number): Lab {
    const lab = new Lab(nodes);
    lab.on({ type: "started" });
    for (let node = 1; node <= nodes; node++) {
      lab.up(node);
      lab.members(node, nodes);
    }
    return lab;
  }
}

function text(effect: UpEffect): string {
  if (effect.type === "partition") return `partition ${effect.node} ${effect.on}`;
  return effect.type === "exit" || effect.type === "say"
    ? effect.type
    : `${effect.type} ${effect.node}.${effect.run}`;
}

Deno.test("all processes start at once; the time is told when all nodes see all", () => {
  const lab = new Lab(3);
  assertEquals(lab.on({ type: "started" }), ["spawn 1.1", "spawn 2.1", "spawn 3.1"]);
  for (const node of [1, 2, 3]) lab.up(node);
  lab.members(1, 3);
  lab.members(2, 3);
  assertEquals(lab.said, []);
  lab.now += 2_340;
  lab.members(3, 3);
  assertEquals(lab.said, ["3 nodes up in 2.3 s"]);
  lab.members(3, 2);
  lab.members(3, 3);
  assertEquals(lab.said, [], "told once");
});

Deno.test("a restarted node leaves before its new process starts", () => {
  const lab = Lab.running(3);
  assertEquals(lab.key("restart", 2), ["stop 2.1"]);
  assertEquals(lab.key("restart", 2), [], "it is restarted already");
  assertEquals(lab.ended(2), ["spawn 2.2"]);
  assertEquals(lab.up(2), []);
  assertEquals(lab.said, ["node 2 is up"]);
});

Deno.test("a killed node stays down until it is restarted, also when the code changes", () => {
  const lab = Lab.running(2);
  assertEquals(lab.key("kill", 2), ["kill 2.1"]);
  assertEquals(lab.ended(2, "signal SIGKILL"), []);
  assertEquals(lab.phases(), "up stopped");
  assertEquals(lab.key("kill", 2), []);
  assertEquals(lab.on({ type: "sourcesChanged" }), ["stop 1.1"]);
  assertEquals(lab.ended(1), ["spawn 1.2"]);
  assertEquals(lab.up(1), []);
  assertEquals(lab.said.at(-1), "reloaded 1 node in 0.0 s");
  assertEquals(lab.key("restart", 2), ["spawn 2.2"]);
  lab.up(2);
  lab.key("kill", 1);
  lab.ended(1, "signal SIGKILL");
  assertEquals(lab.on({ type: "sourcesChanged" }), ["stop 2.2"], "the first one as well");
});

Deno.test("changed code is loaded node by node, each after the one before is up", () => {
  const lab = Lab.running(3);
  assertEquals(lab.on({ type: "sourcesChanged" }), ["stop 1.1"]);
  assertEquals(lab.ended(1), ["spawn 1.2"]);
  assertEquals(lab.members(2, 3), []);
  assertEquals(lab.up(1), ["stop 2.1"]);
  assertEquals(lab.ended(2), ["spawn 2.2"]);
  assertEquals(lab.up(2), ["stop 3.1"]);
  assertEquals(lab.ended(3), ["spawn 3.2"]);
  assertEquals(lab.up(3), []);
  assertEquals(lab.said, ["node 3 is up", "reloaded 3 nodes in 0.0 s"]);
});

Deno.test("a change during a reload begins it again, from the first node", () => {
  const lab = Lab.running(2);
  lab.on({ type: "sourcesChanged" });
  lab.ended(1);
  assertEquals(lab.on({ type: "sourcesChanged" }), ["stop 1.2"]);
  assertEquals(lab.ended(1), ["spawn 1.3"]);
  assertEquals(lab.up(1), ["stop 2.1"]);
});

Deno.test("code that fails stops the reload; the next change tries it again", () => {
  const lab = Lab.running(3);
  lab.on({ type: "sourcesChanged" });
  lab.ended(1);
  assertEquals(lab.ended(1, "exit code 1"), []);
  assertEquals(lab.said, [
    "node 1 has FAILED: exit code 1; r 1 starts it",
    "the reload has stopped at node 1; 2 nodes keep the code that they run",
  ]);
  assertEquals(lab.phases(), "failed up up");
  assertEquals(lab.on({ type: "sourcesChanged" }), ["spawn 1.3"]);
  assertEquals(lab.up(1), ["stop 2.1"]);
});

Deno.test("a node that is killed in its turn of a reload is passed over", () => {
  const lab = Lab.running(3);
  lab.on({ type: "sourcesChanged" });
  lab.key("kill", 1);
  assertEquals(lab.ended(1, "signal SIGKILL"), ["stop 2.1"]);
  lab.key("kill", 3);
  lab.ended(3, "signal SIGKILL");
  lab.ended(2);
  assertEquals(lab.up(2), []);
  assertEquals(lab.said.at(-1), "reloaded 1 node in 0.0 s");
});

Deno.test("a node is cut off and healed with the same key", () => {
  const lab = Lab.running(3);
  assertEquals(lab.key("partition", 1), ["partition 1 true"]);
  lab.members(1, 1);
  assertEquals(lab.said, [], "it does not speak for the cluster");
  lab.members(2, 2);
  assertEquals(lab.said, ["node 2 sees 2 of 3 nodes up"]);
  assertEquals(lab.key("partition", 1), ["partition 1 false"]);
});

Deno.test("all leave at once at the end, and the last of them ends the command", () => {
  const lab = Lab.running(3);
  lab.key("kill", 2);
  lab.ended(2, "signal SIGKILL");
  assertEquals(lab.plainKey("quit"), ["stop 1.1", "stop 3.1"]);
  assertEquals(lab.key("restart", 2), [], "nothing starts any more");
  assertEquals(lab.on({ type: "sourcesChanged" }), []);
  assertEquals(lab.ended(1), []);
  assertEquals(lab.ended(3), ["exit"]);
});

Deno.test("who quits twice, or a node that does not leave in time: killed", () => {
  const lab = Lab.running(2);
  lab.plainKey("quit");
  assertEquals(lab.on({ type: "stopOverdue", node: 1, run: 1 }), ["kill 1.1"]);
  assertEquals(lab.plainKey("quit"), ["kill 1.1", "kill 2.1"]);
  lab.ended(1, "signal SIGKILL");
  assertEquals(lab.on({ type: "stopOverdue", node: 1, run: 1 }), []);
  assertEquals(lab.ended(2, "signal SIGKILL"), ["exit"]);
});

Deno.test("events of earlier processes change nothing", () => {
  const lab = Lab.running(2);
  lab.key("restart", 1);
  lab.ended(1);
  const before = lab.state;
  lab.on({ type: "nodeUp", node: 1, run: 1 });
  lab.on({ type: "nodeEnded", node: 1, run: 1, fault: "exit code 1" });
  assertEquals(lab.state, before);
});

Deno.test("the status has a line for each node", () => {
  const lab = Lab.running(2);
  lab.key("partition", 2);
  lab.plainKey("status");
  assertEquals(lab.said, ["node 1: up, sees 2 up", "node 2: up, sees 2 up, cut off"]);
});
