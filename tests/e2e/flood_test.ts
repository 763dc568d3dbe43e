import { assert } from "@std/assert";
import { ClusteredActorSystem, silentLogger } from "@casty/casty";
import { Certificates } from "../transport/network/certificates.ts";

/** Milliseconds until a node of its own has joined and left. */
async function join(seed: string, certificates: Certificates): Promise<number> {
  const since = performance.now();
  await using _node = await start(certificates, [seed]);
  return performance.now() - since;
}

async function start(certificates: Certificates, seedNodes: readonly string[]) {
  const tls = await certificates.node();
  return await ClusteredActorSystem.start({
    name: "flooded",
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    tls,
    requiredQuorum: seedNodes.length + 1,
    stallDetection: false,
    startTimeout: 60_000,
    logger: silentLogger,
  });
}

/** A process that floods, and has begun. */
async function flood(port: number, count: number): Promise<AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      import.meta.resolve("./flood_child.ts"),
      JSON.stringify({ port, count }),
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

// 64 addresses are in `tests/transport/attack_test.ts`, on virtual time: 6,400 connections a second
// take a processor at either end, which other tests need.
for (const count of [1, 4]) {
  Deno.test(`flood: a node joins in time while ${count} addresses open silent connections`, async () => {
    await using certificates = await Certificates.create();
    await using node = await start(certificates, []);
    const usual = [await join(node.address, certificates), await join(node.address, certificates)];
    await using _flood = await flood(Number(node.address.split(":")[1]), count);
    const took = [];
    for (let i = 0; i < 3; i++) took.push(await join(node.address, certificates));
    // The median: other processes use this machine as well.
    const median = took.toSorted((a, b) => a - b)[1]!;
    const limit = 2 * Math.max(...usual) + 1_000;
    assert(median <= limit, `${took} ms instead of ${usual} ms`);
  });
}
