import { assert, assertEquals } from "@std/assert";

// A name that is computed: the page is JavaScript and has no types.
const module = new URL("../../lib/dashboard/page/format.js", import.meta.url).href;
const { byLabel, dateOf, labelOf, learnLabels, timeOf } = await import(module);

Deno.test("a date has the same time as the lines around it, with seconds", () => {
  const at = new Date(2026, 11, 1, 21, 5, 9).getTime();
  assertEquals(timeOf(at), "21:05:09");
  assert(dateOf(at).endsWith(timeOf(at)), dateOf(at));
  assert(dateOf(new Date(2026, 11, 1).getTime()).endsWith("00:00:00"));
});

Deno.test("nodes are in the order of their labels, as numbers where they have some", () => {
  const members = [
    { address: "a:3", nodeId: "node-10" },
    { address: "a:1", nodeId: "node-2" },
    { address: "a:2", nodeId: "" },
  ];
  const order = members.map(({ address }) => address).sort(byLabel(members));
  assertEquals(order, ["a:2", "a:1", "a:3"]);
});

Deno.test("a node that is gone is still named by its label", () => {
  assertEquals(labelOf([], "gone:1"), "gone:1");
  learnLabels([{ address: "gone:1", nodeId: "node-7" }, { address: "gone:2", nodeId: "" }]);
  assertEquals(labelOf([], "gone:1"), "node-7");
  assertEquals(labelOf([], "gone:2"), "gone:2");
  // Another node at its address.
  assertEquals(labelOf([{ address: "gone:1", nodeId: "" }], "gone:1"), "gone:1");
});
