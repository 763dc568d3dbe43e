import { assertEquals } from "@std/assert";
import { LineSplitter } from "../../lib/up/line_splitter.ts";
import { LogPrinter } from "../../lib/up/log_printer.ts";
import { readLine, reportLine } from "../../lib/up/node_start.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("lines are put together from chunks, characters included, and cut when endless", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const byte of bytes("für\r\nalle\n")) splitter.push(Uint8Array.of(byte));
  splitter.push(bytes("no end"));
  assertEquals(lines, ["für", "alle"]);
  splitter.end();
  splitter.end();
  assertEquals(lines, ["für", "alle", "no end"]);
  splitter.push(bytes("x".repeat(70_000)));
  assertEquals(lines.at(-1)?.length, 70_000);
});

Deno.test("reports are told from what the application prints", () => {
  const report = { type: "members", members: 3 } as const;
  const line = reportLine("\x01secret:", report);
  assertEquals(readLine("\x01secret:", line), { report });
  assertEquals(readLine("\x01secret:", `no line end${line}`), { text: "no line end", report });
  assertEquals(readLine("\x01other:", line), { text: line });
  assertEquals(readLine("\x01secret:", '{"type":"up"}'), { text: '{"type":"up"}' });
});

Deno.test("each line has its node before it, in colour only where that is wanted", () => {
  const lines: string[] = [];
  const print = (line: string) => lines.push(line);
  new LogPrinter(print, false).node(2, "hello");
  new LogPrinter(print, false).up("ready");
  new LogPrinter(print, true).node(2, "hello");
  new LogPrinter(print, true).node(3, "hello");
  assertEquals(lines, [
    "node-2 | hello",
    "up     | ready",
    "\x1b[33mnode-2 |\x1b[0m hello",
    "\x1b[32mnode-3 |\x1b[0m hello",
  ]);
});
