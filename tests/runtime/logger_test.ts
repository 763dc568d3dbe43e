import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { consoleLogger, formatLogLine, formatStacks } from "../../lib/runtime/logger.ts";
import { escapeUnprintable, replaceUnprintable } from "../../lib/runtime/unprintable.ts";
import { RecordedLog } from "../../lib/testkit/recorded_log.ts";

/** Characters that end a line, steer a terminal, or change what a reader sees. */
const forbidden =
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

const forged = fc.string({ unit: "binary" }).chain((text) =>
  fc.constantFrom(
    "\n",
    "\r",
    "\u0085",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u061c",
    "\u001b[2J",
    "\u009b",
    "\ufeff",
    "\ud800",
  ).map((char) => `${text}${char}WARN  cluster: all is well ${char}`)
);

Deno.test("no text of a peer forges a line or changes how one is shown", () => {
  fc.assert(
    fc.property(forged, forged, (one, two) => {
      const line = formatLogLine("warn", one, two, {
        [one]: two,
        error: new Error(one),
        o: { one },
      });
      assert(!forbidden.test(line) && line.isWellFormed(), JSON.stringify(line));
      assert(!forbidden.test(replaceUnprintable(one)));
    }),
    { numRuns: 300 },
  );
});

Deno.test("characters that are not shown are escaped, also those that stand for nothing yet", () => {
  // A tag, a reserved one (found by the property above), a filler of Hangul, a variation selector.
  const shown = escapeUnprintable("a\u{e0041}\u{e0000}\u3164\ufe0fb");
  assertEquals(shown, "a\\u{e0041}\\u{e0000}\\u3164\\ufe0fb");
});

Deno.test("the loggers that come with Casty escape what a peer has chosen", () => {
  const written: string[] = [];
  const { error } = console;
  console.error = (line: string) => void written.push(line);
  try {
    consoleLogger().log("warn", "x", "rejected", { reason: "a\u202eb\u2028c" });
  } finally {
    console.error = error;
  }
  const recorded = new RecordedLog();
  recorded.log("warn", "x", "rejected", { reason: "a\u202eb\u2028c" });
  assertEquals(written, [recorded.toString()]);
  assertEquals(written[0], "WARN  x: rejected reason=\\u202e".replace("=", '="a') + 'b\\u2028c"');
});

Deno.test("stacks are written for errors only, with their causes, and cannot forge a line", () => {
  fc.assert(
    fc.property(forged, forged, (one, two) => {
      const cause = new Error(`${one}\nERROR cluster: all is lost\n    at evil (x.ts:1:1)`);
      const error = new TypeError(two, { cause });
      const lines = formatStacks({ error, other: "text" });
      assert(lines.length > 2);
      for (const line of lines) {
        assert(/^ {4}(caused by| {4}at) /.test(line), JSON.stringify(line));
        assert(!forbidden.test(line) && line.isWellFormed(), JSON.stringify(line));
        assert(!line.includes("evil") || line.startsWith("    caused by"), line);
      }
    }),
    { numRuns: 100 },
  );
  const written: string[] = [];
  const { error } = console;
  console.error = (line: string) => void written.push(line);
  try {
    const logger = consoleLogger();
    logger.log("warn", "x", "failed", { error: new Error("a") });
    logger.log("error", "x", "failed", { error: new Error("b") });
    logger.log("error", "x", "failed", { reason: "c" });
  } finally {
    console.error = error;
  }
  assertEquals(written.map((text) => text.split("\n").length > 1), [false, true, false]);
});

Deno.test("errors that are their own causes, have no stack or a strange one are written", () => {
  const circular = new Error("a");
  circular.cause = circular;
  const bare = new Error("b");
  delete bare.stack;
  const strange = new Error("c");
  Object.defineProperty(strange, "stack", { value: 5 });
  const renamed = new Error("before\n    at first (a.ts:1:1)");
  renamed.message = "after";
  assert(formatStacks({ circular }).length > 0);
  assertEquals(formatStacks({ bare, strange }), []);
  assert(formatStacks({ renamed }).every((line) => line.startsWith("        at ")));
  const deep = Array.from({ length: 100 }).reduce<Error | undefined>(
    (cause, _, i) => new Error(`e${i}`, { cause }),
    undefined,
  );
  assert(formatStacks({ deep }).length < 100);
});
