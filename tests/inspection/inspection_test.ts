import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { inspectionKey, type NodeAnswer } from "../../lib/inspection/inspection.ts";
import {
  inspectionPath,
  maxFacts,
  parseInspectionMessage,
} from "../../lib/inspection/inspection_protocol.ts";
import { RequestBudget } from "../../lib/inspection/request_budget.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

async function started(seed: string, count: number) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(count);
  const apis = nodes.map((node) => node.extension(inspectionKey));
  const ask = (from: number, to: string, topic: string, timeout = 1_000): Promise<NodeAnswer> =>
    cluster.clock.resolve(apis[from]!.ask(to, topic, {}, timeout));
  return { cluster, nodes, apis, ask };
}

Deno.test("a member answers what it is asked, or says why not", async () => {
  const { cluster, nodes, apis, ask } = await started("answers", 2);
  apis[1]!.provide("slow", () => new Promise(() => {}));
  apis[1]!.provide("broken", () => {
    throw new Error("no luck");
  });
  apis[1]!.provide("late", () => Promise.reject(new Error("later")));
  apis[1]!.provide("large", () => "x".repeat(maxFacts));
  apis[1]!.provide("nothing", () => undefined);
  const other = nodes[1]!.address;
  const outcome = async (topic: string) => {
    const { missing, ...rest } = await ask(0, other, topic);
    return missing === undefined ? (rest as { facts: unknown }).facts : missing;
  };
  assertEquals(await outcome("nothing"), null);
  assertEquals(await outcome("slow"), "timeout");
  assertEquals(await outcome("broken"), "failed");
  assertEquals(await outcome("late"), "failed");
  assertEquals(await outcome("large"), "tooLarge");
  assertEquals(await outcome("unheard"), "unknownTopic");
  const own = await ask(0, nodes[0]!.address, "health");
  assert(own.missing === undefined);
  await cluster.stop(nodes);
});

Deno.test("a later reader of a topic is used until it is taken back", async () => {
  const { cluster, nodes, apis, ask } = await started("readers", 1);
  const self = nodes[0]!.address;
  const facts = async () => ((await ask(0, self, "topic")) as { facts?: unknown }).facts;
  const endFirst = apis[0]!.provide("topic", () => 1);
  const endSecond = apis[0]!.provide("topic", () => 2);
  assertEquals(await facts(), 2);
  endSecond();
  assertEquals(await facts(), 1);
  endFirst();
  assertEquals(await facts(), undefined);
  await cluster.stop(nodes);
});

Deno.test("one member cannot make another work without end", async () => {
  const { cluster, nodes, apis } = await started("floods", 3);
  let read = 0;
  apis[1]!.provide("work", () => ++read);
  const flood = Array.from(
    { length: 500 },
    () => apis[0]!.ask(nodes[1]!.address, "work", {}, 5_000),
  );
  const answers = await cluster.clock.resolve(Promise.all(flood));
  const busy = answers.filter(({ missing }) => missing === "busy").length;
  assert(read <= 80 && busy >= 400, `${read} were read, ${busy} refused`);
  // Another member is answered.
  const other = apis[2]!.ask(nodes[1]!.address, "work", {}, 5_000);
  assertEquals((await cluster.clock.resolve(other)).missing, undefined);
  await cluster.clock.advance(5_000);
  const later = apis[0]!.ask(nodes[1]!.address, "work", {}, 5_000);
  assertEquals((await cluster.clock.resolve(later)).missing, undefined);

  apis[1]!.provide("never", () => new Promise(() => {}));
  const waiting = Array.from(
    { length: 40 },
    () => apis[0]!.ask(nodes[1]!.address, "never", {}, 1_000),
  );
  const kinds = (await cluster.clock.resolve(Promise.all(waiting))).map(({ missing }) => missing);
  assertEquals(kinds.filter((kind) => kind === "busy").length, 8);
  await cluster.stop(nodes);
});

Deno.test("an answer counts only from the node that was asked", async () => {
  const { cluster, nodes, apis } = await started("forged", 3);
  apis[1]!.provide("slow", () => new Promise(() => {}));
  const asked = apis[0]!.ask(nodes[1]!.address, "slow", {}, 1_000);
  // Another member guesses the number of the request.
  for (let id = 0; id < 20; id++) {
    const forged = { type: "factAnswer", id, json: '"forged"' };
    nodeInternalsOf(nodes[2]!)!.remoting.send(nodes[0]!.address, inspectionPath, 0, forged);
  }
  assertEquals((await cluster.clock.resolve(asked)).missing, "timeout");
  await cluster.stop(nodes);
});

Deno.test("requests end with the node that has asked", async () => {
  const { cluster, nodes, apis } = await started("stopped", 2);
  apis[1]!.provide("slow", () => new Promise(() => {}));
  const asked = apis[0]!.ask(nodes[1]!.address, "slow", {}, 600_000);
  await cluster.stop([nodes[0]!]);
  assertEquals((await cluster.clock.resolve(asked)).missing, "stopped");
  const late = apis[0]!.ask(nodes[1]!.address, "health", {}, 1_000);
  assertEquals((await cluster.clock.resolve(late)).missing, "stopped");
  await cluster.stop([nodes[1]!]);
});

Deno.test("what is no message is ignored, whatever it is", () => {
  const request = { type: "factRequest", id: 1, topic: "health", parameters: { a: "b" } };
  assertEquals(parseInspectionMessage(request), request as never);
  const wrong = [
    { ...request, id: 1.5 },
    { ...request, id: "1" },
    { ...request, topic: "x".repeat(61) },
    { ...request, parameters: null },
    { ...request, parameters: { a: 1 } },
    { ...request, parameters: { a: "x".repeat(601) } },
    { ...request, parameters: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, ""])) },
    { type: "factAnswer", id: 1, json: "x".repeat(maxFacts + 1) },
    { type: "factAnswer", id: 1, json: {} },
    { type: "noFacts", id: 1, missing: "constructor", why: "" },
    { type: "noFacts", id: 1, missing: "busy", why: "x".repeat(501) },
  ];
  for (const value of wrong) assertEquals(parseInspectionMessage(value), undefined);
  fc.assert(fc.property(fc.anything(), (value) => {
    parseInspectionMessage(value);
  }));
});

Deno.test("a budget is each identity's own, and refills", () => {
  const budget = new RequestBudget();
  const taken = (identity: string, now: number) => {
    let count = 0;
    while (budget.take(identity, now)) count++;
    return count;
  };
  assertEquals([taken("a", 0), taken("b", 0)], [60, 60]);
  assertEquals([taken("a", 1_000), taken("a", 1_000)], [30, 0]);
  assertEquals(taken("a", 60_000), 60);
  // A clock that goes back gives nothing.
  assertEquals(taken("a", 0), 0);
});
