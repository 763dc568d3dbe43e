import { assert, assertEquals } from "@std/assert";

/** The files that define what crosses the wire. */
const protocols = [
  "membership/machine/messages.ts",
  "sharding/routing/protocol.ts",
  "sharding/coordinator/coordination_protocol.ts",
  "sharding/lease/lease_protocol.ts",
  "sharding/remember/remember_protocol.ts",
  "replication/control_form.ts",
  "replication/standby/standby_control.ts",
  "sharding/routing/shard_table_push.ts",
  "cluster/node/barrier.ts",
  "cluster/node/service_exchange.ts",
  "cluster/gateway/topology.ts",
  "remoting/withdrawal_protocol.ts",
  "remoting/internal_form.ts",
  "remoting/watch_protocol.ts",
  "remoting/lost_asks.ts",
  "remoting/relay.ts",
  "inspection/inspection_protocol.ts",
  "topics/interest_protocol.ts",
  "topics/client_protocol.ts",
  "broadcast/broadcast_agreement.ts",
  "admin/admin_protocol.ts",
  "streams/protocol.ts",
  "distributed/structure_protocol.ts",
  "delivery/protocol.ts",
  "delivery/rate_limit/protocol.ts",
] as const;

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
const page = read("docs/protocol.md");

/** The table rows of the page by message type; a type may be used by two protocols. */
function rows(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [row, type] of page.matchAll(/^\| `(\w+)` .*$/gm)) {
    found.set(type!, [...found.get(type!) ?? [], row]);
  }
  return found;
}

interface WireMessage {
  readonly type: string;
  readonly fields: readonly string[];
}

/** The innermost braces around a position. */
function block(text: string, at: number): string {
  let start = at;
  for (let depth = 0; start > 0; start--) {
    if (text[start] === "}") depth++;
    else if (text[start] === "{" && depth-- === 0) break;
  }
  let end = at;
  for (let depth = 0; end < text.length; end++) {
    if (text[end] === "{") depth++;
    else if (text[end] === "}" && depth-- === 0) break;
  }
  return text.slice(start, end + 1);
}

/** The message types that a file declares, and their fields. */
function messagesOf(text: string): WireMessage[] {
  const found = new Map<string, WireMessage>();
  for (const match of text.matchAll(/readonly type: "(\w+)"/g)) {
    const body = block(text, match.index);
    // Fields of objects inside a field are not the message's own.
    const own = body.slice(1, -1).replace(/\{[^{}]*\}/g, "");
    const fields = [...own.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field!);
    found.set(match[1]!, { type: match[1]!, fields: fields.filter((field) => field !== "type") });
  }
  return [...found.values()];
}

/** Endings and outcomes are values inside stream messages, not messages. */
const values = new Set(["completed", "failed", "cancelled", "closed", "left"]);

Deno.test("docs/protocol.md has every wire message with its fields", () => {
  const documented = rows();
  const missing: string[] = [];
  let messages = 0;
  for (const file of protocols) {
    for (const { type, fields } of messagesOf(read(`lib/${file}`))) {
      if (file === "streams/protocol.ts" && values.has(type)) continue;
      messages++;
      const candidates = documented.get(type) ?? [];
      const complete = candidates.some((row) =>
        fields.every((field) => row.includes(`\`${field}\``))
      );
      if (!complete) missing.push(`${file}: ${type} { ${fields.join(", ")} }`);
    }
  }
  assertEquals(missing, []);
  assert(messages > 60, `only ${messages} messages were found`);
});

/** The text of a declaration of a file. */
function declared(file: string, name: string): string {
  const text = read(`lib/${file}`);
  const at = text.search(new RegExp(`export (interface|type) ${name}\\b`));
  assert(at >= 0, `${file} has no ${name}`);
  // Up to the next declaration.
  const rest = text.slice(at + 1);
  const end = rest.search(/\n\n(\/\*\*|export|const|function|interface|type|class)/);
  return rest.slice(0, end < 0 ? undefined : end);
}

/** The fields of a declaration, and the names of operations in it. */
function namesIn(declaration: string): string[] {
  const fields = [...declaration.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field!);
  const types = [...declaration.matchAll(/readonly type: ((?:"\w+"[ |]*)+)/g)]
    .flatMap(([, names]) => [...names!.matchAll(/"(\w+)"/g)].map(([, name]) => name!));
  return [...new Set([...fields.filter((field) => field !== "type"), ...types])];
}

/** The part of the page under a heading. */
function section(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  assert(start >= 0, `the page has no ${heading}`);
  const rest = page.slice(start + 1 + heading.length);
  const end = rest.search(/\n##+ /);
  return end < 0 ? rest : rest.slice(0, end);
}

Deno.test("docs/protocol.md has every operation of each structure with its fields", () => {
  const text = section("### Distributed structures");
  const machines = {
    counter: "CounterOperation",
    map: "MapOperation",
    set: "SetOperation",
    queue: "QueueOperation",
    permit: "PermitOperation",
    barrier: "BarrierOperation",
  };
  const ofEach = /^- each: [^;.]*\./m.exec(text)![0];
  const missing = Object.entries(machines).flatMap(([kind, operation]) => {
    const title = kind === "permit" ? "lock and semaphore" : kind;
    const item = new RegExp(`^- ${title}:[^]*?(?=\\n- )`, "m").exec(text);
    assert(item !== null, `the page has no operations of ${title}`);
    const names = namesIn(declared(`distributed/${kind}_machine.ts`, operation));
    assert(names.length > 2, operation);
    return names.filter((name) => !`${item[0]} ${ofEach}`.includes(`\`${name}\``))
      .map((name) => `${title}: ${name}`);
  });
  assertEquals(missing, []);
});

Deno.test("docs/protocol.md has the fields of what is inside of messages", () => {
  const inside: readonly (readonly [heading: string, file: string, name: string])[] = [
    ["## Shard coordination", "sharding/coordinator/coordination_protocol.ts", "RegionReport"],
    ["### Distributed structures", "distributed/structure_reply.ts", "StructureReply"],
    ["### Distributed structures", "distributed/permit_machine.ts", "Grant"],
    ["### Distributed structures", "distributed/permit_machine.ts", "PermitStatus"],
    ["### Distributed structures", "distributed/queue_machine.ts", "ReservedItem"],
    ["## Broadcast actors", "broadcast/broadcast_agreement.ts", "AnnouncedActor"],
    ["## Limits of rate and concurrency", "delivery/rate_limit/limiter_state.ts", "LimiterState"],
    ["## Limits of rate and concurrency", "delivery/rate_limit/protocol.ts", "LimitReason"],
  ];
  const missing = inside.flatMap(([heading, file, name]) => {
    const text = section(heading);
    const declaration = declared(file, name);
    // A union of texts has no fields.
    const names = declaration.includes("readonly")
      ? namesIn(declaration)
      : [...declaration.matchAll(/"(\w+)"/g)].map(([, value]) => value!);
    assert(names.length > 1, name);
    return names.filter((field) => !text.includes(`\`${field}\``))
      .map((field) => `${name}: ${field}`);
  });
  assertEquals(missing, []);
});

Deno.test("docs/protocol.md names no message that is not in the code", () => {
  const frames = [...read("lib/wire/frame.ts").matchAll(/^ {2}(\w+): \d+,$/gm)].map(([, name]) =>
    name!
  );
  const known = new Set(frames);
  for (const file of protocols) {
    for (const { type } of messagesOf(read(`lib/${file}`))) known.add(type);
  }
  assertEquals([...rows().keys()].filter((type) => !known.has(type)), []);
});

Deno.test("docs/protocol.md has every frame with its number", () => {
  const frames = [...read("lib/wire/frame.ts").matchAll(/^ {2}(\w+): (\d+),$/gm)];
  assert(frames.length >= 10);
  for (const [, name, number] of frames) {
    assert(
      page.includes(`| \`${name}\` (${number})`),
      `frame ${name} (${number}) is not on the page`,
    );
  }
});

Deno.test("docs/protocol.md has every field of the hello and every refusal code", () => {
  const text = read("lib/transport/connection/handshake.ts");
  const hello = block(text, text.indexOf("readonly protocolMin"));
  const codes = /export type RefusalCode =([^;]*);/.exec(text)![1]!;
  const names = [
    ...[...hello.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field!),
    ...[...codes.matchAll(/"(\w+)"/g)].map(([, code]) => code!),
  ];
  assert(names.length > 20);
  assertEquals(names.filter((name) => !page.includes(`\`${name}\``)), []);
});

Deno.test("docs/protocol.md has every reserved path", () => {
  const paths: string[] = [];
  const walk = (folder: string): void => {
    for (
      const { name, isDirectory } of Deno.readDirSync(new URL(`../../${folder}`, import.meta.url))
    ) {
      const path = `${folder}/${name}`;
      if (isDirectory) walk(path);
      else if (name.endsWith(".ts")) {
        for (const [, value] of read(path).matchAll(/\w+Path = "(\/_[\w/]+)"/g)) paths.push(value!);
      }
    }
  };
  walk("lib");
  assert(paths.length > 12, `only ${paths} were found`);
  assertEquals(paths.filter((path) => !page.includes(`\`${path}`)), []);
});

Deno.test("docs/gateway.md has every frame and close code of a gateway", async () => {
  const gateway = read("docs/gateway.md");
  for (const { type, fields } of messagesOf(read("lib/gateway/protocol/frames.ts"))) {
    const rows = gateway.split("\n").filter((line) =>
      line.startsWith("| `") && line.split("|")[1]!.includes(`\`${type}\``)
    );
    const own = fields.filter((field) => type !== "hello" || field !== "resume");
    assert(
      rows.some((row) => own.every((field) => row.includes(`\`${field}\``))),
      `${type} { ${fields.join(", ")} }`,
    );
  }
  const { closeCodes } = await import("../../lib/gateway/protocol/close_codes.ts");
  for (const [reason, { code, isFinal }] of Object.entries(closeCodes)) {
    const row = new RegExp(`^\\| ${code} +\\| \`${reason}\` .*$`, "m").exec(gateway)?.[0];
    assert(row !== undefined, `${code} ${reason}`);
    assertEquals(row.includes("gives up"), isFinal, row);
  }
});
