import { assertEquals } from "@std/assert";
import { type KeyReading, readKey } from "../../lib/up/key_commands.ts";

/** The commands and hints of some keys, for three nodes. */
function read(keys: string): unknown[] {
  let pending: KeyReading["pending"];
  const found: unknown[] = [];
  for (const key of keys) {
    const reading = readKey(pending, key, 3);
    pending = reading.pending;
    if (reading.command !== undefined) found.push(reading.command);
    else if (reading.hint !== undefined) found.push(reading.hint);
  }
  return found;
}

Deno.test("a key and the digit of a node make a command", () => {
  assertEquals(read("r 2\nK1p3"), [
    "restart which node? 1 to 3",
    { type: "restart", node: 2 },
    "kill which node? 1 to 3",
    { type: "kill", node: 1 },
    "partition which node? 1 to 3",
    { type: "partition", node: 3 },
  ]);
});

Deno.test("keys that stand alone are commands, and forget a key before them", () => {
  assertEquals(read("s?q\x03\x04"), [
    { type: "status" },
    { type: "help" },
    { type: "quit" },
    { type: "quit" },
    { type: "quit" },
  ]);
  assertEquals(read("ks1"), [
    "kill which node? 1 to 3",
    { type: "status" },
    "unknown key; h shows all keys",
  ]);
});

Deno.test("nodes that do not exist are no commands", () => {
  assertEquals(read("k4k0kx"), [
    "kill which node? 1 to 3",
    'there is no node "4"',
    "kill which node? 1 to 3",
    'there is no node "0"',
    "kill which node? 1 to 3",
    'there is no node "x"',
  ]);
});
