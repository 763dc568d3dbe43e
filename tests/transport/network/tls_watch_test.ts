import { assert, assertEquals } from "@std/assert";
import type { TlsEvent } from "../../../lib/runtime/tls_event.ts";
import { TlsConfig } from "../../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { platform } from "../../../lib/runtime/platform.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { Certificates } from "./certificates.ts";
import { Conditions, dial, Server } from "./links.ts";

/** Keeps events and lets a test wait for them. */
class Events {
  readonly all: TlsEvent[] = [];
  readonly #changes = new Conditions();
  readonly add = (event: TlsEvent): void => {
    this.all.push(event);
    this.#changes.check();
  };

  async of<T extends TlsEvent["type"]>(type: T, times = 1): Promise<TlsEvent & { type: T }> {
    const found = () => this.all.filter((event) => event.type === type);
    await this.#changes.until(() => found().length >= times);
    return found()[times - 1] as TlsEvent & { type: T };
  }
}

async function scene(clock?: ManualClock) {
  const certificates = await Certificates.create();
  const dir = await Deno.makeTempDir({ prefix: "casty-watch-" });
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${dir}/${name}.new`, text, { mode: 0o600 });
    await Deno.rename(`${dir}/${name}.new`, `${dir}/${name}`);
  };
  const first = await certificates.node({ name: "first" });
  for (const [name, text] of [["crt", first.cert], ["key", first.key], ["ca", first.ca]] as const) {
    await write(name, text);
  }
  await write("denied", "");
  const config = await TlsConfig.fromPaths({
    certFile: `${dir}/crt`,
    keyFile: `${dir}/key`,
    caFile: `${dir}/ca`,
    denyListFile: `${dir}/denied`,
    watch: true,
    watchInterval: 300,
    ...(clock && { clock }),
  });
  return {
    certificates,
    dir,
    write,
    config,
    async [Symbol.asyncDispose]() {
      await config.close();
      await certificates[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test("a bad change is reported once, the last good pair stays, and a new deny list applies", async () => {
  await using s = await scene();
  const events = new Events();
  s.config.subscribe(events.add);
  const before = s.config.cert;
  const other = await s.certificates.leaf({ name: "other" });
  // A certificate without its key.
  await s.write("crt", other.cert);
  const failed = await events.of("tlsReloadFailed");
  assertEquals([failed.code, failed.file], ["keyMismatch", `${s.dir}/key`]);
  assertEquals(s.config.cert, before);
  await s.write("denied", s.config.fingerprint);
  const identity = { kind: "node", name: "", hosts: [], notAfter: 0 } as const;
  const { fingerprint } = s.config;
  const denied = () => s.config.judge({ ...identity, fingerprint })?.fault;
  while (denied() === undefined) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(denied(), "denied");
  // Another fault is told again; the first was not.
  await s.write("crt", "garbage");
  assertEquals((await events.of("tlsReloadFailed", 2)).code, "malformed");
  await s.write("key", other.key);
  await s.write("crt", other.cert);
  const reloaded = await events.of("tlsReloaded");
  assertEquals(reloaded.changed, ["certFile", "keyFile", "denyListFile"]);
  assertEquals([s.config.name, s.config.fingerprint], ["other", reloaded.fingerprint]);
});

Deno.test("a listener shows the new certificate to new peers, and keeps the links it has", async () => {
  await using s = await scene();
  const events = new Events();
  const end = s.config.subscribe(events.add);
  const network = new TlsNetwork();
  await using server = await Server.start(network, { tls: s.config });
  const tls = await s.certificates.client();
  const early = await dial(network, server.port, { tls });
  const next = await s.certificates.leaf({ name: "next" });
  await s.write("key", next.key);
  await s.write("crt", next.cert);
  await events.of("tlsReloaded");
  const late = await dial(network, server.port, { tls });
  const names = [early, late].map(({ link }) =>
    link.identity.kind === "node" && link.identity.name
  );
  assertEquals(names, ["first", "next"]);
  await early.send("still here");
  assertEquals(await (await server.end()).text(10), "still here");
  for (const { link } of [early, late]) link.destroy();
  await Promise.all([early.ended(), late.ended(), end()]);
});

Deno.test("a link that is swapped, as Kubernetes does, is followed", async () => {
  await using s = await scene();
  for (const [generation, name] of [["one", "first"], ["two", "second"]] as const) {
    const { cert, key } = await s.certificates.leaf({ name });
    await Deno.mkdir(`${s.dir}/${generation}`);
    await Deno.writeTextFile(`${s.dir}/${generation}/tls.crt`, cert);
    await Deno.writeTextFile(`${s.dir}/${generation}/tls.key`, key, { mode: 0o600 });
  }
  await Deno.mkdir(`${s.dir}/mount`);
  await Deno.symlink(`${s.dir}/one`, `${s.dir}/mount/..data`);
  for (const file of ["tls.crt", "tls.key"]) {
    await Deno.symlink(`..data/${file}`, `${s.dir}/mount/${file}`);
  }
  await using config = await TlsConfig.fromPaths({
    certFile: `${s.dir}/mount/tls.crt`,
    keyFile: `${s.dir}/mount/tls.key`,
    caFile: `${s.dir}/ca`,
    watch: true,
    watchInterval: 300,
  });
  const events = new Events();
  config.subscribe(events.add);
  await Deno.symlink(`${s.dir}/two`, `${s.dir}/mount/..new`);
  await Deno.rename(`${s.dir}/mount/..new`, `${s.dir}/mount/..data`);
  await events.of("tlsReloaded");
  assertEquals(config.name, "second");
});

Deno.test("an authority's key beside the key of a node is reported", async () => {
  await using s = await scene();
  await s.write("ca.key", s.certificates.ca.key);
  const config = await TlsConfig.fromPaths({
    certFile: `${s.dir}/crt`,
    keyFile: `${s.dir}/key`,
    caFile: `${s.dir}/ca`,
  });
  const events = new Events();
  await config.subscribe(events.add)();
  assert(events.all.some((event) => event.type === "authorityKeyExposed"));
});

Deno.test("looks between the changes of a pair report nothing, however many there are", async () => {
  const clock = new ManualClock({ epoch: Date.now() });
  await using s = await scene(clock);
  const events = new Events();
  s.config.subscribe(events.add);
  const next = await s.certificates.leaf({ name: "next" });
  await s.write("key", next.key);
  const identity = { kind: "node", name: "", hosts: [], notAfter: 0 } as const;
  // The deny list is taken over all the same: it shows that a look is complete.
  for (const mark of ["1", "2", "3"]) {
    const fingerprint = mark.repeat(64);
    await s.write("denied", fingerprint);
    await clock.advance(300);
    while (s.config.judge({ ...identity, fingerprint }) === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await s.write("crt", next.cert);
  await clock.advance(300);
  await events.of("tlsReloaded");
  assertEquals(events.all.map(({ type }) => type), ["tlsReloaded"]);
  assertEquals(s.config.name, "next");
});

Deno.test("a pair that is replaced while it is read is read again", async () => {
  await using s = await scene();
  const next = await s.certificates.leaf({ name: "next" });
  const { files } = platform;
  const { readFile } = files;
  let reads = 0;
  const replaceBefore = async (path: string) => {
    if (path === `${s.dir}/key` && reads++ === 0) {
      await s.write("key", next.key);
      await s.write("crt", next.cert);
    }
    return await readFile(path);
  };
  Object.assign(files, { readFile: replaceBefore });
  try {
    const paths = { certFile: `${s.dir}/crt`, keyFile: `${s.dir}/key`, caFile: `${s.dir}/ca` };
    assertEquals((await TlsConfig.fromPaths(paths)).name, "next");
  } finally {
    Object.assign(files, { readFile });
  }
});
