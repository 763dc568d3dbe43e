import { createCa, issueAdmin, issueClient, issueNode } from "@casty/casty/cert";
import { increments, systemName } from "./counter.ts";
import { NodeProcess } from "./node_process.ts";
import { stopSignal } from "./stop_signal.ts";

const nodeCount = 5;
/** Milliseconds after which a run has failed. */
const timeout = 180_000;

/**
 * Starts five nodes as processes and waits for their results; returns the exit code. `journal`: where
 * the counter is stored.
 */
export async function runDemo(stay: boolean, journal: string | undefined): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "casty-demo-" });
  const nodes: NodeProcess[] = [];
  const watchdog = setTimeout(() => {
    for (const node of nodes) node.giveUp(`no result within ${timeout / 1_000} s`);
  }, timeout);
  try {
    await writeCertificates(folder);
    const args = [
      `--nodes=${nodeCount}`,
      ...(stay ? ["--stay"] : []),
      ...(journal === undefined ? [] : [`--journal=${journal}`]),
    ];
    const first = new NodeProcess("node-1", folder, [], args);
    nodes.push(first);
    const seed = await first.address;
    for (let n = 2; n <= nodeCount; n++) {
      nodes.push(new NodeProcess(`node-${n}`, folder, [seed], args));
    }
    const done = stay
      ? serve(nodes, seed, folder)
      : Promise.all(nodes.map((node) => node.ended)).then(() => {});
    // After a failure of one node, the others would wait for it without end.
    const failed = nodes.map((node) => node.failed);
    await Promise.race(stay ? [done, ...failed] : [done, ...failed, stopSignal()]);
    return await report(nodes);
  } catch (error) {
    console.error(`demo | FAILED: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    clearTimeout(watchdog);
    for (const node of nodes) node.kill();
    await Promise.all(nodes.map((node) => node.ended));
    await Deno.remove(folder, { recursive: true });
  }

  async function serve(nodes: NodeProcess[], seed: string, folder: string): Promise<void> {
    await Promise.all(nodes.map((node) => node.result));
    clearTimeout(watchdog);
    // Before the line is printed: who reads it may send the signal at once.
    const stopped = stopSignal();
    console.log(
      `demo | the cluster runs; connect a client:\n` +
        `deno run -A examples/client.ts --contact ${seed} ` +
        `--certfile ${folder}/client/client.crt --keyfile ${folder}/client/client.key ` +
        `--cafile ${folder}/ca.crt\n` +
        `demo | look at it as an admin; members and why take the same options:\n` +
        `deno run -A cli.ts status --contact ${seed} --system ${systemName} --tls ${folder}/admin`,
    );
    await stopped;
    for (const node of nodes) node.stop();
    await Promise.all(nodes.map((node) => node.ended));
  }
}

async function writeCertificates(folder: string): Promise<void> {
  const ca = await createCa();
  await Deno.writeTextFile(`${folder}/ca.crt`, ca.cert);
  for (let n = 1; n <= nodeCount; n++) {
    const hosts = [`node-${n}`, "localhost", "127.0.0.1"];
    await writePair(`${folder}/node-${n}`, "node", await issueNode(ca, { hosts }));
  }
  await writePair(`${folder}/client`, "client", await issueClient(ca, { name: "demo" }));
  await writePair(
    `${folder}/admin`,
    "admin",
    await issueAdmin(ca, { name: "demo", validity: "8h" }),
  );
  await Deno.writeTextFile(`${folder}/admin/ca.crt`, ca.cert);
}

async function writePair(
  folder: string,
  name: string,
  { cert, key }: { cert: string; key: string },
): Promise<void> {
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/${name}.crt`, cert);
  await Deno.writeTextFile(`${folder}/${name}.key`, key, { mode: 0o600 });
}

async function report(nodes: readonly NodeProcess[]): Promise<number> {
  const expected = nodes.reduce((sum, { stored }) => sum + stored, increments);
  let failed = 0;
  for (const node of nodes) node.kill();
  await Promise.all(nodes.map((node) => node.ended));
  for (const node of nodes) {
    const problem = node.problem(expected);
    if (problem === undefined) continue;
    failed++;
    console.error(`demo | ${node.nodeId} failed: ${problem}`);
  }
  if (failed > 0) return 1;
  if (nodes.some((node) => node.killed)) {
    console.error("demo | interrupted");
    return 130;
  }
  console.log(`demo | all ${nodes.length} nodes read ${expected}`);
  return 0;
}
