import { assertEquals, assertThrows } from "@std/assert";
import { CertError } from "../../lib/cert/errors.ts";
import { parseHostName } from "../../lib/cert/authority/host_name.ts";

Deno.test("hosts are read as what they are, in one spelling", () => {
  const spellings: readonly [host: string, kind: "dns" | "ip", text: string][] = [
    ["node-1", "dns", "node-1"],
    ["Node-1.Example", "dns", "node-1.example"],
    ["node_1", "dns", "node_1"],
    ["*.example.com", "dns", "*.example.com"],
    ["bücher.example", "dns", "xn--bcher-kva.example"],
    ["*.bücher.example", "dns", "*.xn--bcher-kva.example"],
    ["1.example", "dns", "1.example"],
    ["10.0.1.10", "ip", "10.0.1.10"],
    ["0:0:0:0:0:0:0:1", "ip", "::1"],
    ["[2001:DB8::7]", "ip", "2001:db8::7"],
    ["::ffff:10.0.1.10", "ip", "::ffff:a00:10a"],
    ["::", "ip", "::"],
  ];
  for (const [host, kind, text] of spellings) {
    const name = parseHostName(host);
    assertEquals([name.kind, name.text], [kind, text], host);
  }
});

Deno.test("an IPv6 address becomes its sixteen bytes", () => {
  const bytes = (host: string) => {
    const name = parseHostName(host);
    return name.kind === "ip" ? [...name.bytes] : [];
  };
  assertEquals(bytes("2001:db8::7"), [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 7]);
  assertEquals(bytes("fe80::"), [0xfe, 0x80, ...Array(14).fill(0)]);
  assertEquals(bytes("1:2:3:4:5:6:7:8"), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
});

Deno.test("what a parser could read as another host is refused", () => {
  for (
    const host of [
      "010.0.0.1", // octal to some resolvers
      "0x7f.1", // 127.0.0.1 to a URL parser
      "host.1",
      "::1]/x",
      "::1]:80/[",
      "bü?x",
      "bü#y",
      "bü/z",
      "bü\\z",
      "bü@x",
      "bü%41",
      "bü x",
      "bü:80",
      "*.com",
    ]
  ) {
    assertThrows(() => parseHostName(host), CertError);
  }
});
