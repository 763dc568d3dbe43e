import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Workspace } from "./workspace.ts";
import { opensslTest } from "../openssl.ts";

const node = (...more: string[]) => ["create-node", "--ca-dir", "@ca", "--out", "@new", ...more];
const client = (
  ...more: string[]
) => ["create-client", "--ca-dir", "@ca", "--out", "@new", ...more];
const ca = (...more: string[]) => ["create-ca", "--out", "@new", ...more];

/** Arguments, and what the one line on stderr must say. */
const failures: readonly [name: string, args: readonly string[], says: RegExp][] = [
  ["no days", ca("--validity", "0"), /validity of 0 days/],
  ["negative days", ca("--validity=-5"), /validity of -5 days/],
  ["more than a hundred years", ca("--validity", "40000"), /validity of 40000 days/],
  ["an absurd number of days", ca("--validity", "9".repeat(400)), /validity of/],
  ["a long common name", ca("--cn", "x".repeat(65)), /common name/],
  ["a line break in a common name", ca("--cn", "a\nb"), /common name/],
  ["negative days for a node", node("a", "--validity=-1"), /validity of -1 days/],
  ["a long common name for a node", node("a", "--cn", "x".repeat(65)), /common name/],
  ["an address of more than 64 characters", node("x".repeat(63) + ".com"), /common name/],
  ["a node that outlives its authority", node("a", "--validity", "400"), /authority/],
  ["a client that outlives its authority", client("a", "--validity", "400"), /authority/],
  ["an empty address", node(""), /""/],
  ["a space in an address", node("a b"), /"a b"/],
  ["an address with a port", node("node-1:25520"), /"node-1:25520"/],
  ["an IPv6 address with a port", node("[::1]:25520"), /\[::1\]:25520/],
  ["an IPv6 address with a zone", node("fe80::1%eth0"), /fe80::1%eth0/],
  ["an IPv6 address that is too long", node("1:2:3:4:5:6:7:8:9"), /1:2:3/],
  ["an IPv4 address out of range", node("256.1.1.1"), /256\.1\.1\.1/],
  ["a short IPv4 address", node("127.1"), /127\.1/],
  ["a wildcard alone", node("*"), /"\*"/],
  ["a wildcard inside", node("a.*.example"), /a\.\*\.example/],
  ["a partial wildcard", node("a*.example.com"), /a\*\.example/],
  ["an empty label", node("a..b"), /a\.\.b/],
  ["a dash at the end of a label", node("a-.b"), /a-\.b/],
  ["a label of 64 characters", node("x".repeat(64)), /xxx/],
  ["a name of 254 characters", node("a.".repeat(126) + "aa", "--cn", "a"), /a\.a\.a/],
  ["a path", node("a/../b"), /a\/\.\.\/b/],
  ["one bad address among good ones", node("a", "b c", "d"), /"b c"/],
  ["a client without a name", client(""), /""/],
  ["a client with a path as its name", client("../x"), /\.\.\/x/],
  ["a client with a space in its name", client("a b"), /a b/],
  [
    "no authority",
    ["create-node", "a", "--ca-dir", "@none", "--out", "@new"],
    /CA files not found in .*none/,
  ],
  [
    "no authority for a client",
    ["create-client", "a", "--ca-dir", "@none", "--out", "@new"],
    /CA files not found in .*none/,
  ],
  ["a file that is not there", ["info", "@none.crt"], /none\.crt/],
  ["a key instead of a certificate", ["info", "@ca/ca.key"], /ca\.key.*CERTIFICATE/],
  ["a text that is no PEM", ["info", "@garbage"], /garbage/],
  ["a PEM block that is no certificate", ["info", "@hollow"], /hollow/],
  ["a folder instead of a file", ["verify", "@ca", "--ca", "@ca/ca.crt"], /directory/],
  ["a file where the folder should be", ["create-ca", "--out", "@garbage"], /garbage/],
];

async function populated(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  await work.write("garbage", "garbage\n");
  await work.write("hollow", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  return work;
}

Deno.test("what cannot be done is said in one line, and nothing is written", async (test) => {
  await using work = await populated();
  const before = await work.files();
  for (const [name, args, says] of failures) {
    await test.step(name, async () => {
      const { exitCode, stdout, stderr } = await work.cert(...args);
      assertEquals([exitCode, stdout], [1, ""], stderr);
      assertMatch(stderr, says);
      assertMatch(stderr, /^[^\n]+\n$/);
      assert(!/\bat .*\.ts:\d/.test(stderr), stderr);
      assertEquals(await work.files(), before);
    });
  }
});

/** Arguments, and what stands above the usage. */
const misuses: readonly [name: string, args: readonly string[], says: string][] = [
  ["no command", [], "command is missing"],
  ["an unknown command", ["create-everything"], "create-everything"],
  ["the name of an inherited property", ["constructor"], "constructor"],
  ["an unknown option", ca("--colour"), "--colour"],
  ["no folder to write to", ["create-ca"], "--out"],
  ["an option without its value", ["create-ca", "--out"], "--out"],
  ["no authority's folder", ["create-node", "a", "--out", "@new"], "--ca-dir"],
  ["no address", node(), "host"],
  ["no client name", client(), "name"],
  ["two client names", client("a", "b"), "name"],
  ["days that are no number", ca("--validity", "soon"), "soon"],
  ["days that are no whole number", ca("--validity", "1.5"), "1.5"],
  ["a stray argument", ca("stray"), "argument"],
  ["no file", ["info"], "file"],
  ["no folder to list", ["list"], "directory"],
];

Deno.test("wrong use is answered with the usage and exit code 2", async (test) => {
  await using work = await populated();
  const before = await work.files();
  for (const [name, args, says] of misuses) {
    await test.step(name, async () => {
      const { exitCode, stdout, stderr } = await work.cert(...args);
      assertEquals([exitCode, stdout], [2, ""], stderr);
      assertStringIncludes(stderr.split("\n")[0]!, says);
      assertStringIncludes(stderr, "Example");
      assertEquals(await work.files(), before);
    });
  }
});

Deno.test("help begins with examples, for all and for each command", async () => {
  await using work = await Workspace.create();
  for (const command of ["", "create-ca", "create-node", "create-client", "info", "list"]) {
    const help = await work.ok(...[command, "--help"].filter((arg) => arg !== ""));
    const example = help.indexOf(`deno run -A cert.ts ${command}`);
    assert(example > 0, command);
    const options = help.indexOf("Options:");
    assert(options === -1 || example < options, command);
  }
});

opensslTest("an authority that cannot issue is refused, and nothing is written", async (test) => {
  await using work = await populated();
  await work.ok("create-ca", "--out", "@other");
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@leaf");
  const read = (name: string) => Deno.readTextFile(work.path(name));
  await work.openssl(
    ...["pkcs8", "-topk8", "-in", "@ca/ca.key", "-out", "@locked.key", "-passout", "pass:secret"],
  );
  const broken: readonly [name: string, cert: string, key: string, says: RegExp][] = [
    ["the key of another", "ca/ca.crt", "other/ca.key", /does not belong/],
    ["a leaf", "leaf/node.crt", "leaf/node.key", /not that of an authority/],
    ["a key with a passphrase", "ca/ca.crt", "locked.key", /passphrase/],
    ["a key that is none", "ca/ca.crt", "garbage", /PRIVATE KEY/],
    ["a certificate that is none", "garbage", "ca/ca.key", /CERTIFICATE/],
    ["a hollow certificate", "hollow", "ca/ca.key", /bad\/ca\.crt: .*no certificate/],
  ];
  for (const [name, cert, key, says] of broken) {
    await test.step(name, async () => {
      await Deno.mkdir(work.path("bad"), { recursive: true });
      await work.write("bad/ca.crt", await read(cert));
      await work.write("bad/ca.key", await read(key));
      const before = await work.files();
      const args = ["a", "--ca-dir", "@bad", "--out", "@new"];
      for (const command of ["create-node", "create-client"]) {
        const { exitCode, stderr } = await work.cert(command, ...args);
        assertEquals(exitCode, 1);
        assertMatch(stderr, says);
        assertMatch(stderr, /^[^\n]+\n$/);
      }
      assertEquals(await work.files(), before);
    });
  }
});
