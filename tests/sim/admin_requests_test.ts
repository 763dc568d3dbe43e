/** Requests of admins and of others, on virtual time. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AdminClient } from "../../lib/admin/admin_client.ts";
import { adminPath } from "../../lib/admin/admin_protocol.ts";
import { requestRate } from "../../lib/admin/admin_access.ts";
import { AdminError } from "../../lib/admin/errors.ts";
import type { NodeStatus } from "../../lib/admin/node_report.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

type Kind = "node" | "client" | "admin";

class Scene extends SimulatedCluster {
  readonly lines: string[] = [];

  /** The options of a client whose host proves to be this. */
  clientOf(host: string, kind: Kind, more: object = {}) {
    const uri = `spiffe://sim/${kind}/${host}`;
    const identity = { kind, name: host, uri, hosts: [host], fingerprint: host, notAfter: 0 };
    this.network.host(host, { identity });
    const runtime = this.runtime(host);
    return {
      contactPoints: ["node-1:25520"],
      systemName: "sim",
      runtime,
      logger: runtime.logger,
      ...more,
    };
  }

  /** Nodes whose lines about admins are kept. */
  async nodes(count: number) {
    const logger: Logger = {
      log: (_level, source, message, fields) => {
        if (source === "admin") this.lines.push(`${message} ${JSON.stringify(fields)}`);
      },
    };
    return await this.start(count, { logger });
  }

  async admin(host: string, kind: Kind = "admin", more: object = {}): Promise<AdminClient> {
    return await this.clock.resolve(AdminClient.connect(this.clientOf(host, kind, more), 3_000));
  }
}

/** The outcome of a request, in one word. */
const codeOf = (asked: Promise<unknown>) =>
  asked.then(() => "report", (error) => error instanceof AdminError ? error.code : String(error));

Deno.test("a flood of an admin is refused beyond its rate, and the rate counts for a certificate", async () => {
  const scene = new Scene("flood");
  const nodes = await scene.nodes(2);
  const admin = await scene.admin("alice");
  const asked = Array.from(
    { length: 500 },
    () => codeOf(admin.ask("node-1:25520", { type: "status" })),
  );
  const codes = await scene.clock.resolve(Promise.all(asked));
  const reports = codes.filter((code) => code === "report").length;
  assert(reports >= requestRate && reports <= 2 * requestRate, `${reports}`);
  assertEquals(codes.filter((code) => code === "tooManyRequests").length, 500 - reports);
  // Another node has not been asked yet, and a second later the first one answers again.
  assertEquals(await scene.clock.resolve(codeOf(admin.status("node-2:25520"))), "report");
  await scene.clock.advance(1_000);
  const status = await scene.clock.resolve(admin.status("node-1:25520")) as NodeStatus;
  assertEquals(status.members, { up: 2 });
  await scene.clock.resolve(admin.close());
  await scene.stop(nodes);
});

Deno.test("clients and nodes are refused everything, once a rate and in one line of the log", async () => {
  const scene = new Scene("others");
  const nodes = await scene.nodes(1);
  for (const kind of ["client", "node"] as const) {
    const other = await scene.admin(`other-${kind}`, kind);
    const requests = [
      { type: "status" },
      { type: "explain", topic: "joining" },
      { type: "top", limit: 5 },
      { type: "down", address: "node-1:25520", force: true },
      { type: "leave" },
    ] as const;
    for (const request of requests) {
      assertEquals(
        await scene.clock.resolve(codeOf(other.ask("node-1:25520", request))),
        "notAdmin",
      );
    }
    await scene.clock.advance(1_000);
    // Beyond the rate not even refusals are sent.
    const flood = Array.from({ length: 300 }, () => codeOf(other.status("node-1:25520")));
    const codes = await scene.clock.resolve(Promise.all(flood));
    const refused = codes.filter((code) => code === "notAdmin").length;
    assert(refused >= requestRate && refused <= 2 * requestRate, `${refused}`);
    assertEquals(codes.filter((code) => code === "noAnswer").length, 300 - refused);
    await scene.clock.resolve(other.close());
  }
  assertEquals(scene.lines.length, 2, scene.lines.join("\n"));
  assertEquals(nodes[0]!.members[0]?.status, "up");
  await scene.stop(nodes);
});

Deno.test("an admin that is reached through another node is no admin there", async () => {
  const scene = new Scene("relayed");
  const nodes = await scene.nodes(2);
  const admin = await scene.admin("alice", "admin", { unisocket: true });
  const through = admin.contact;
  const other = nodes.find(({ address }) => address !== through)!.address;
  assertEquals(await scene.clock.resolve(codeOf(admin.status(through))), "report");
  assertEquals(await scene.clock.resolve(codeOf(admin.ask(other, { type: "leave" }))), "notAdmin");
  assertEquals(nodes.map(({ members }) => members.length), [2, 2]);
  await scene.clock.resolve(admin.close());
  await scene.stop(nodes);
});

Deno.test("answers count only from the node that was asked, and what is no request is dropped", async () => {
  const scene = new Scene("garbage");
  const nodes = await scene.nodes(1);
  const options = scene.clientOf("bob", "admin");
  const client = await scene.clock.resolve(ClusterClient.connect(options));
  const { remoting } = clientInternalsOf(client)!;
  for (
    const value of [undefined, 5, "leave", { type: "leave" }, { type: "leave", request: -1 }, []]
  ) {
    remoting.send("node-1:25520", adminPath, 0, value);
  }
  await scene.clock.advance(2_000);
  assertEquals([nodes[0]!.members[0]?.status, scene.lines], ["up", []]);
  await scene.clock.resolve(client.close());
  await scene.stop(nodes);
});

Deno.test("a node that does not answer in time is named", async () => {
  const scene = new Scene("silent");
  const nodes = await scene.nodes(2);
  const admin = await scene.admin("alice");
  scene.network.cut("alice", "node-2");
  scene.network.cut("node-2", "alice");
  const asked = admin.status("node-2:25520");
  const error = await assertRejects(() => scene.clock.resolve(asked), AdminError, "node-2:25520");
  assertEquals(error.code, "noAnswer");
  await scene.clock.resolve(admin.close());
  await scene.stop(nodes);
});
