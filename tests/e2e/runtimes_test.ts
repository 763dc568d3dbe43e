/** Deno, Node and Bun: one package, one cluster, the same verdicts and the same histories. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TlsMaterial } from "@casty/casty/runtime";
import { hasOpenssl } from "../openssl.ts";
import { Certificates, farAhead, longAgo, type Pair } from "../transport/network/certificates.ts";
import { revocationList } from "../transport/network/revocation_lists.ts";
import type { Transfer } from "./runtimes/links.ts";
import type { Count, MemberFiles, MemberOrder, MemberSettings } from "./runtimes/member.ts";
import type { Meeting, Peer } from "./runtimes/peers.ts";
import { installed, missing, RuntimePackage, Talker } from "./runtimes/runtimes.ts";

/** Tests of all three share one package; it is made for the first of them. */
let shared: Promise<RuntimePackage> | undefined;
const pack = () => shared ??= RuntimePackage.create();
Deno.test.afterAll(async () => await (await shared)?.[Symbol.asyncDispose]());

function runtimesTest(name: string, fn: (test: Deno.TestContext) => Promise<void>): void {
  const skipped = missing ?? (hasOpenssl ? undefined : "openssl is not installed");
  const title = skipped === undefined ? name : `${name} (skipped: ${skipped})`;
  Deno.test({ name: title, ignore: skipped !== undefined, fn });
}

/** Runs a program on all three at once, and answers what each prints. */
async function onEach(program: string, ...args: readonly string[]): Promise<string[]> {
  const folder = await pack();
  return await Promise.all(installed.map((runtime) => folder.output(runtime, program, args)));
}

/** The same, where each line is JSON. */
async function linesOnEach<T>(program: string, ...args: readonly string[]): Promise<T[][]> {
  return (await onEach(program, ...args))
    .map((text) => text.trim().split("\n").map((line) => JSON.parse(line)));
}

async function node(certificates: Certificates): Promise<string> {
  return JSON.stringify(await certificates.node());
}

runtimesTest(
  "actors, streams, testkit and certificates work alike on Deno, Node and Bun",
  async () => {
    const expected = {
      actors: { value: 1_000, shown: "ActorRef(/counter)" },
      streams: "1,2,3",
      testkit: "wake up",
      certificates: {
        ok: true,
        openKey: "openKeyFile",
        absent: "unreadable",
        reloaded: "tlsReloaded",
      },
      files: { granted: [true, false, true], ids: ["cart-7"] },
      node: { value: 5, taken: "addressInUse", elsewhere: "addressNotAvailable" },
      config: {
        name: "smoke",
        roles: ["argument"],
        zone: "environment",
        problem: "/casty.toml:2:1",
        absent: "noConfigFile",
      },
    };
    const outcomes = await linesOnEach("smoke.ts");
    assertEquals(outcomes, installed.map(() => [expected]));
  },
);

runtimesTest("a dashboard is served alike on Deno, Node and Bun", async () => {
  const expected = {
    refused: 401,
    page: true,
    script: ["text/javascript; charset=utf-8", true],
    live: ["text/event-stream", true],
    action: 403,
    isClosed: true,
  };
  const outcomes = await linesOnEach("dashboard.ts");
  assertEquals(outcomes, installed.map(() => [expected]));
});

runtimesTest("a gateway is served alike on Deno, Node and Bun", async () => {
  const expected = {
    added: 1,
    message: { type: "message", message: { total: 1 } },
    resumed: true,
    addedMeanwhile: 2,
    refusal: "unauthenticated",
    overHttp: 3,
    streamed: [3, 4],
    longClosed: 1009,
    tooLarge: 413,
    plain: 426,
    foreign: "HTTP/1.1 403",
    own: ["HTTP/1.1 101", false],
    without: ["HTTP/1.1 501", true],
    peers: ["127.0.0.1"],
  };
  const outcomes = await linesOnEach("gateway.ts");
  assertEquals(outcomes, installed.map(() => [expected]));
});

runtimesTest("an SQLite store keeps the promises of the port on Deno, Node and Bun", async () => {
  const expected = {
    failed: [],
    account: { balances: [5, 10, 15], seen: { count: 3, sum: 15 } },
  };
  const outcomes = await linesOnEach<{ checks: number }>("sqlite.ts");
  for (const [outcome] of outcomes) {
    const { checks, ...others } = outcome!;
    assert(checks >= 20, `${checks} checks`);
    assertEquals(others, expected);
  }
});

runtimesTest("contracts are read from types alike on Deno, Node and Bun", async () => {
  const expected = {
    written: [0, ""],
    same: [0, ""],
    changed: [1, ""],
    contracts: {
      format: 2,
      contracts: {
        "durable account": {
          kind: "eventSourced",
          version: 0,
          event: { fields: { amount: "number", at: "Date" } },
          state: { map: ["string", "bigint"] },
        },
        "entity accounts": { kind: "entity", numShards: 64, message: { type: "Command" } },
      },
      types: {
        Command: {
          fields: {
            amount: "number",
            replyTo: { ref: "number" },
            type: { value: "deposit" },
          },
        },
      },
    },
  };
  const outcomes = await linesOnEach("contracts.ts");
  assertEquals(outcomes, installed.map(() => [expected]));
});

runtimesTest("a seed gives the same history on Deno, Node and Bun, byte for byte", async () => {
  const names = ["storm", "sharding", "replicated registers on failing disks"];
  const [onDeno, ...others] = await onEach("simulation.ts", "7", ...names);
  assertEquals(onDeno!.match(/"trace":"[0-9a-f]{16}"/g)?.length, names.length, onDeno);
  for (const other of others) assertEquals(other, onDeno);
});

runtimesTest(
  "links hold back a sender whose peer does not read, on Deno, Node and Bun",
  async () => {
    await using certificates = await Certificates.create();
    for (const transfers of await linesOnEach<Transfer>("links.ts", await node(certificates))) {
      for (const { takenWhilePaused, ...rest } of transfers) {
        assertEquals(rest, { over: rest.over, received: 16 << 20, intact: true });
        assert(
          takenWhilePaused <= 8 << 20,
          `${takenWhilePaused} bytes were taken over ${rest.over}`,
        );
      }
      assertEquals(transfers.map(({ over }) => over), ["tcp", "tls"]);
    }
  },
);

runtimesTest("a stalled event loop is told from a dead one on Deno, Node and Bun", async () => {
  await using certificates = await Certificates.create();
  const expected = {
    alive: "alive",
    otherIncarnation: "gone",
    stalled: "stalled",
    closed: "gone",
    ended: [],
  };
  const outcomes = await linesOnEach("stall.ts", await node(certificates));
  assertEquals(outcomes, installed.map(() => [expected]));
});

runtimesTest("seeds are resolved by DNS on Node and Bun", async () => {
  const folder = await pack();
  const expected = {
    a: [{ host: "10.0.0.7" }, { host: "10.0.0.8" }],
    aaaa: [{ host: "fd00::9" }],
    srv: [{ host: "node3.example", port: 25520 }],
    unknown: "fails",
  };
  for (const runtime of installed.filter(({ name }) => name !== "deno")) {
    assertEquals(JSON.parse(await folder.output(runtime, "resolver.ts", [])), expected);
  }
});

/** Certificates below two authorities, whose chain goes with them. */
class Chained {
  readonly certificates: Certificates;
  readonly #upper: Pair;
  readonly #lower: Pair;

  private constructor(certificates: Certificates, upper: Pair, lower: Pair) {
    this.certificates = certificates;
    this.#upper = upper;
    this.#lower = lower;
  }

  static async create(): Promise<Chained> {
    const certificates = await Certificates.create({ intermediates: true });
    const upper = await certificates.authority({ name: "upper", issuer: certificates.ca });
    const lower = await certificates.authority({ name: "lower", issuer: upper });
    return new Chained(certificates, upper, lower);
  }

  async node(name: string): Promise<TlsMaterial> {
    return this.#chain(await this.certificates.leaf({ name, issuer: this.#lower }));
  }

  async client(name: string): Promise<TlsMaterial> {
    return this.#chain(await this.certificates.client({ name, issuer: this.#lower }));
  }

  #chain({ cert, key }: Pair): TlsMaterial {
    return { cert: cert + this.#lower.cert + this.#upper.cert, key, ca: this.certificates.ca.cert };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.certificates[Symbol.asyncDispose]();
  }
}

async function filesOf(certificates: Certificates, tls: TlsMaterial): Promise<MemberFiles> {
  return {
    certFile: await certificates.file(tls.cert),
    keyFile: await certificates.file(tls.key),
    caFile: await certificates.file(tls.ca),
  };
}

const order = <T>(member: Talker, request: MemberOrder) => member.order<T>(request);

runtimesTest(
  "Deno, Node and Bun form one cluster over mutual TLS and share counters",
  async (t) => {
    await using chained = await Chained.create();
    const { certificates } = chained;
    const members: Talker[] = [];
    const addresses: string[] = [];
    try {
      await t.step("a process of each runtime joins", async () => {
        for (const runtime of installed) {
          const { name } = runtime;
          const settings: MemberSettings = {
            nodeId: name,
            seeds: addresses.slice(0, 1),
            node: await filesOf(certificates, await chained.node(name)),
            client: await filesOf(certificates, await chained.client(`client-of-${name}`)),
          };
          const command = (await pack())
            .command(runtime, "member.ts", [JSON.stringify(settings)], "piped");
          const member = new Talker(name, command.spawn());
          members.push(member);
          addresses.push(await member.next() as string);
        }
        await Promise.all(
          members.map((member) => order(member, { type: "waitFor", members: 3 })),
        );
      });
      await t.step("a counter is incremented from all, and all read one value", async () => {
        for (const member of members) {
          await order<Count>(member, { type: "add", entityId: "hits", amount: 1 });
        }
        const counts = await Promise.all(
          members.map((member) => order<Count>(member, { type: "read", entityId: "hits" })),
        );
        assertEquals(counts.map(({ value }) => value), [3, 3, 3]);
        assertEquals(new Set(counts.map(({ on }) => on)).size, 1);
      });
      await t.step("each runtime is asked by the other two", async () => {
        await countersOnAll(members);
      });
      await t.step("a client of each runtime reads the counter", async () => {
        for (const member of members) {
          const { value } = await order<Count>(member, {
            type: "readAsClient",
            entityId: "hits",
            contactPoints: addresses,
          });
          assertEquals(value, 3);
        }
      });
      await t.step("each leaves in order on SIGTERM", async () => {
        for (const member of members.splice(0)) {
          const { code, log } = await member.stop();
          assertEquals(code, 0, `${member.runtime}: ${log}`);
        }
      });
    } finally {
      for (const { child } of members) {
        child.kill("SIGKILL");
        await child.status;
      }
    }
  },
);

/**
 * All members add to counters until each runtime has one. That may take a while: a node is given
 * shards once the coordinator knows of its region.
 */
async function countersOnAll(members: readonly Talker[]): Promise<void> {
  const places = new Set<string>();
  for (let index = 0; places.size < 3; index++) {
    assert(index < 600, `after ${index} counters, they run on ${[...places].join(" and ")} only`);
    if (index > 2) await new Promise((resolve) => setTimeout(resolve, 50));
    let value = 0;
    for (const member of members) {
      const added = { type: "add", entityId: `counter-${index}`, amount: 1 } as const;
      const count = await order<Count>(member, added);
      assertEquals(count.value, ++value);
      places.add(count.on);
    }
  }
}

/** What each peer must meet: the reason against it, or the length of its accepted chain. */
interface Expected {
  readonly dials: RegExp | number;
  /** The same on Bun, which does not show a certificate that it rejects where it listens. */
  readonly dialsOnBun?: RegExp;
  readonly listens?: RegExp | number;
}

const otherAuthority = /its issuer \(another authority\) is not among .*\(test authority\)/;
const over = /node node-1 expired on 2021-01-01/;
const early = /node node-1 is not valid before 2045-01-01/;
const expected: Readonly<Record<string, Expected>> = {
  "good": { dials: 1, listens: 1 },
  "below two authorities": { dials: 3, listens: 3 },
  "below two authorities, in another order": { dials: 3, listens: 3 },
  "without a certificate": { dials: /it showed no certificate/ },
  "of another authority": {
    dials: otherAuthority,
    dialsOnBun: /it comes from another authority/,
    listens: otherAuthority,
  },
  "expired": { dials: over, dialsOnBun: /has expired/, listens: over },
  "not yet valid": { dials: early, dialsOnBun: /is not yet valid/, listens: early },
  "revoked": { dials: /node gone is revoked/, listens: /node gone is revoked/ },
  "of another host": { dials: 1, listens: /does not cover the host 127\.0\.0\.1 but elsewhere/ },
  "of a client": { dials: 1, listens: /is that of client client-1, not of a node/ },
};

async function peers(chained: Chained, revoked: Pair): Promise<Peer[]> {
  const { certificates: c } = chained;
  const { cert, key } = await chained.node("node-2");
  const [leaf, lower, upper] = cert.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g)!;
  const another = await c.authority({ name: "another authority" });
  const client = { usages: "serverAuth,clientAuth", hosts: ["127.0.0.1"] };
  return [
    { name: "good", ...await c.leaf() },
    { name: "below two authorities", cert, key },
    { name: "below two authorities, in another order", cert: leaf! + upper! + lower!, key },
    { name: "without a certificate" },
    { name: "of another authority", ...await c.leaf({ issuer: another }) },
    { name: "expired", ...await c.leaf({ validity: longAgo }) },
    { name: "not yet valid", ...await c.leaf({ validity: farAhead }) },
    { name: "revoked", ...revoked },
    { name: "of another host", ...await c.leaf({ hosts: ["elsewhere.example"] }) },
    { name: "of a client", ...await c.client(client) },
    { name: "that resumes", ...await c.leaf(), resumes: true },
  ];
}

runtimesTest("a peer meets the same verdict on Deno, Node and Bun", async () => {
  await using chained = await Chained.create();
  const { certificates } = chained;
  const revoked = await certificates.leaf({ name: "gone" });
  const files = await filesOf(certificates, await certificates.node());
  const settings = {
    ca: certificates.ca.cert,
    files: { ...files, crlFile: await revocationList(certificates, [revoked]) },
    peers: await peers(chained, revoked),
  };
  const verdicts = await linesOnEach<Meeting>("peers.ts", JSON.stringify(settings));
  for (const [index, meetings] of verdicts.entries()) {
    assertEquals(meetings.length, 21);
    for (const { peer, side, reason, chain, resumed } of meetings) {
      const where = `a peer ${peer} ${side} on ${installed[index]!.name}: ${reason ?? chain}`;
      // Every connection proves its certificate, whatever the peer has kept of an earlier one.
      if (resumed) assertMatch(reason ?? "", /showed no certificate/, where);
      const { dialsOnBun, ...elsewhere } = expected[peer] ?? {};
      const onBun = installed[index]!.name === "bun" && side === "dials" ? dialsOnBun : undefined;
      const verdict = onBun ?? elsewhere[side];
      if (typeof verdict === "number") assertEquals(chain, verdict, where);
      else if (verdict !== undefined) assertMatch(reason ?? "", verdict, where);
    }
  }
});
