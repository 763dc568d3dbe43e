import { assert } from "@std/assert";
import { ClientAddressRegistry } from "../../lib/transport/endpoint/client_address_registry.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";

function client(name: string, address: string, uri?: string): Peer {
  return {
    role: "client",
    nodeId: name,
    address: `client:${address}`,
    incarnation: 1,
    protocol: 1,
    remote: "x:1",
    lane: "user",
    identity: name === "plain"
      ? { kind: "plain" }
      : { kind: "client", name, hosts: [], fingerprint: "00", notAfter: 0, ...(uri && { uri }) },
  };
}

Deno.test("client addresses: an address belongs to its first holder", () => {
  const holders = new ClientAddressRegistry();
  assert(!holders.belongsToOther(client("alice", "a")));
  holders.remember(client("alice", "a"));
  assert(!holders.belongsToOther(client("alice", "a")));
  assert(holders.belongsToOther(client("mallory", "a")));
  assert(!holders.belongsToOther(client("mallory", "m")));
  // Without certificates there is no holder.
  holders.remember(client("plain", "p"));
  assert(!holders.belongsToOther(client("plain", "p")));
});

Deno.test("client addresses: a holder of many addresses loses its own oldest ones only", () => {
  const holders = new ClientAddressRegistry();
  holders.remember(client("alice", "a"));
  for (let i = 0; i < 5_000; i++) holders.remember(client("mallory", `${i}`));
  assert(holders.belongsToOther(client("mallory", "a")));
  assert(!holders.belongsToOther(client("alice", "3999")));
  assert(holders.belongsToOther(client("alice", "4000")));
});

Deno.test("client addresses: an address belongs to the full URI, not to its last part", () => {
  const holders = new ClientAddressRegistry();
  const [prod, dev] = ["spiffe://prod/client/alice", "spiffe://dev/client/alice"];
  holders.remember(client("alice", "a", prod));
  assert(!holders.belongsToOther(client("alice", "a", prod)));
  assert(holders.belongsToOther(client("alice", "a", dev)));
  assert(holders.belongsToOther(client("alice", "a")));
  // A name that was chosen to look like the URI is another holder.
  assert(holders.belongsToOther(client(prod, "a")));
  assert(!holders.admits(client("alice", "a", dev)));
});
