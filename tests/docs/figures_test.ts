/** Numbers that the guides tell a user are those of the code: a sentence of each that has one. */
import { assert, assertEquals } from "@std/assert";
import { actorSystemDefaults, askDefaults } from "../../lib/options/tables/actor_tables.ts";
import { circuitBreakerDefaults } from "../../lib/options/tables/actor_tables.ts";
import { clientDefaults, contactDefaults } from "../../lib/options/tables/client_tables.ts";
import {
  clusterDefaults,
  detectorDefaults,
  membershipDefaults,
  membershipTimingDefaults,
} from "../../lib/options/tables/cluster_tables.ts";
import {
  outboxTable,
  persistenceDefaults,
  projectionBackoffTable,
  projectionTable,
} from "../../lib/options/tables/persistence_tables.ts";
import {
  entityMailboxDefaults,
  passivationDefaults,
  rememberDefaults,
  shardBufferDefaults,
  shardedDefaults,
} from "../../lib/options/tables/sharding_tables.ts";
import { gatewayClientDefaults, gatewayDefaults } from "../../lib/options/tables/gateway_tables.ts";
import { transportDefaults } from "../../lib/options/tables/transport_tables.ts";
import { worstLocalHealth } from "../../lib/membership/detector/local_health.ts";
import { stableAfter } from "../../lib/membership/downing/downing.ts";
import { maxMarks } from "../../lib/persistence/delivery/inbox.ts";
import { wakeDelay } from "../../lib/persistence/delivery/outbox.ts";
import { maxKept } from "../../lib/persistence/due/due_ids.ts";
import { overdueAfter } from "../../lib/persistence/due/due_service.ts";
import { sliceCount } from "../../lib/persistence/journal.ts";
import { maxRemoteWait } from "../../lib/remoting/remote_asks.ts";
import { defaultLeaseTiming, maxClockDrift } from "../../lib/sharding/lease/lease_timing.ts";

const root = new URL("../../", import.meta.url);

/** The number that a file of lib gives to a name of its own, such as a property or a constant. */
function own(path: string, name: string): number {
  const text = Deno.readTextFileSync(new URL(`lib/${path}`, root));
  const found = [...text.matchAll(new RegExp(`\\b${name}(?: =|:) ([\\d_.]+)`, "g"))];
  assertEquals(found.length, 1, `lib/${path}: ${name}`);
  return Number(found[0]![1]!.replaceAll("_", ""));
}

const seconds = (ms: number) => String(ms / 1_000);
const minutes = (ms: number) => String(ms / 60_000);
const mebibytes = (bytes: number) => String(bytes / 1_048_576);
const grouped = (value: number, by = " ") => value.toLocaleString("en").replaceAll(",", by);
const words = ["zero", "one", "two", "three", "four", "five"];

const coordinator = "sharding/coordinator/coordinator.ts";
const leases = "sharding/coordinator/coordinated_leases.ts";
const entities = "sharding/region/entities.ts";
const restart = /restartBackoff = \{ min: (\d+), max: ([\d_]+) \}/.exec(
  Deno.readTextFileSync(new URL(`lib/${entities}`, root)),
)!;
const received = "sharding/routing/received_types.ts";
const { leaseDuration, takeoverWait, lostVoterWait } = defaultLeaseTiming;
const outbox = outboxTable.defaults;
const projection = projectionTable.defaults;
const pauses = projectionBackoffTable.defaults;

/** By page: what it says, with the numbers of the code. White space and emphasis do not count. */
const sentences: Readonly<Record<string, readonly string[]>> = {
  "docs/sharding.md": [
    `It stops when it was idle for ${minutes(passivationDefaults.idle)} minutes`,
    `by default ${grouped(passivationDefaults.limit)}, which take about 150 MB`,
    `by default to ${grouped(entityMailboxDefaults.capacity)} messages and ` +
    `${mebibytes(entityMailboxDefaults.maxBytes)} MiB (\`mailbox\`)`,
    `after a back-off: ${restart[1]} ms, then ${2 * Number(restart[1])} ms, up to ` +
    `${seconds(Number(restart[2]!.replace("_", "")))} s`,
    `its mailbox takes and \`maxPendingPerEntity\` (${
      grouped(shardedDefaults.maxPendingPerEntity)
    }) more`,
    `at most ${minutes(maxRemoteWait) === "10" ? "ten" : minutes(maxRemoteWait)} minutes`,
    `only if the ${own(entities, "maxSpared")} that were not used for longest`,
    `known to the tick (${own("sharding/sharding_extension.ts", "tickInterval")} ms)`,
    `within ${own("sharding/remember/remember_entities.ts", "changesDelay")} ms to all nodes`,
    `It starts ${rememberDefaults.batch} entities every ${rememberDefaults.interval} ms`,
    `Up to ${grouped(rememberDefaults.maxPerShard)} entities of a shard are remembered`,
    `messages for at most ${own(received, "maxTypesPerAccount")} types wait for their first ` +
    `location, ${grouped(own(received, "maxBuffered"))} messages and ${
      mebibytes(own(received, "maxBufferedBytes"))
    } MiB for each`,
    `have been the same for ${seconds(own(coordinator, "eagerWait"))} s`,
    `waits up to ${seconds(own(coordinator, "formationWait"))} s for members`,
    `Rebalancing starts ${seconds(own(coordinator, "rebalanceInterval"))} s after`,
    `moves at most ${100 * own(coordinator, "rebalanceShare")} % of the shards`,
    `at most ${grouped(shardBufferDefaults.maxBufferedPerShard)} per shard and ${
      mebibytes(shardBufferDefaults.maxBufferedBytes)
    } MiB per type`,
    `ignores older locations for ${
      seconds(own("sharding/routing/shard_routes.ts", "requiredTime"))
    } s`,
    `${seconds(own("sharding/routing/shard_router.ts", "unknownTypeGrace"))} s after a node has ` +
    "said so first",
  ],
  "docs/client.md": [
    `\`connectTimeout\` (${seconds(clientDefaults.connectTimeout)} s)`,
    `has not returned within ${seconds(own("client/contact_book.ts", "resolveTimeout"))} s`,
    `after \`timeout\` (${seconds(askDefaults.timeout)} s)`,
    `subscribes to ${words[contactDefaults.contacts]} members, its contacts`,
    `refreshes each subscription every ${seconds(contactDefaults.refreshInterval)} s`,
    `silent for \`liveness\` (${seconds(clientDefaults.liveness)} s)`,
    `jittered back-off, at most ${seconds(contactDefaults.maxPause)} s`,
    `for \`clientTimeout\` (${seconds(clusterDefaults.clientTimeout)} s)`,
  ],
  "docs/gateway.md": [
    `for \`resumeFor\` (${seconds(gatewayDefaults.resumeFor)} s)`,
    `for \`slowAfter\` (${seconds(gatewayDefaults.slowAfter)} s)`,
    `\`maxMessageBytes\` (${gatewayDefaults.maxMessageBytes / 1_024} KiB)`,
    `\`connectTimeout\` (${seconds(gatewayClientDefaults.connectTimeout)} s)`,
    `twice \`pingAfter\` (${seconds(gatewayClientDefaults.pingAfter)} s)`,
    `connects again within ${own("gateway/session/client_session.ts", "lossPause")} ms`,
  ],
  "docs/failures.md": [
    `${words[membershipDefaults.monitorsPerMember]} other members (its neighbours`,
    `\`acceptablePause\` of ${words[membershipTimingDefaults.acceptablePause / 1_000]} seconds`,
    `the threshold of ${detectorDefaults.threshold}`,
    `After ${
      seconds(membershipTimingDefaults.heartbeatInterval + detectorDefaults.acceptablePause / 2)
    } seconds of silence the observer asks ${words[membershipDefaults.indirectProbes]} other`,
    `reaches the member within ${own("membership/detector/gone.ts", "helperTime")} ms`,
    `\`clientTimeout\` (${seconds(clusterDefaults.clientTimeout)} s)`,
    `outlives ${seconds(transportDefaults.writeTimeout)} s without contact ` +
    `(\`writeTimeout\`; \`idleTimeout\`, ${seconds(transportDefaults.idleTimeout)} s`,
    `\`membership.stallLimit\` (${seconds(membershipTimingDefaults.stallLimit)} seconds)`,
    `Handlers that keep the event loop for ${actorSystemDefaults.slowHandler} ms`,
    `${stableAfter(5) / 1_000} seconds up to 5, ` +
    [10, 20, 50, 100, 1_000].map((n) => `${stableAfter(n) / 1_000} for ${grouped(n)}`).join(", "),
    `look the seeds up every ${
      seconds(own("cluster/bootstrap/seed_source.ts", "memberInterval"))
    } s`,
    `acknowledged it within ${seconds(leaseDuration)} seconds. Voters are all members up to ` +
    `${own(leases, "maxVoters")}, in larger clusters the ${own(leases, "votersOfMany")} oldest`,
    `${(takeoverWait / 1_000).toFixed(2)} seconds after its last acknowledgement`,
    `at once when that is seen, not before ${(takeoverWait / 1_000).toFixed(2)} s`,
    `when no voter has acknowledged it for ${seconds(own(leases, "silentWait"))} s`,
    `new set of voters ${seconds(lostVoterWait)} seconds after the others are removed`,
    `from 0 to ${worstLocalHealth}, the worst`,
  ],
  "docs/persistence.md": [
    `failed ${circuitBreakerDefaults.maxFailures} times in a row: for ${
      seconds(circuitBreakerDefaults.resetTimeout)
    } s`,
    `gets the first message again after ${seconds(outbox.minBackoff)} s, then after pauses that ` +
    `grow to ${seconds(outbox.maxBackoff)} s. After ${outbox.maxTries} tries`,
    `At most ${grouped(outbox.maxMessages, ",")} messages wait`,
    `marks of ${grouped(maxMarks, ",")} senders`,
    `\`Journal.readDue\`), ${seconds(wakeDelay)} s after`,
    `divided into ${sliceCount} slices (\`sliceOf(id)\`)`,
    `At most ${persistenceDefaults.maxRecoveries} actors recover`,
    `at most ${grouped(maxKept)}; the store keeps the rest`,
    `what is overdue by ${seconds(overdueAfter)} s in the share`,
    `(\`batchSize\`, ${projection.batchSize})`,
    `among \`workers\` (${projection.workers})`,
    `every fiftieth of \`pollInterval\` (${
      projection.pollInterval * 1_000 / 50 / 1_000
    } ms) unless a page was full, and else every \`pollInterval\` (${
      seconds(projection.pollInterval)
    } s)`,
    `pauses that grow from ${pauses.min} ms to ${seconds(pauses.max)} s (\`backoff\`)`,
  ],
  "docs/production.md": [
    `stands still for ${seconds(leaseDuration)} s suspends its entities`,
    `at the right speed, to ${100 * maxClockDrift} %`,
    `\`passivation.limit\` (${grouped(passivationDefaults.limit)}) entities of a type, so 150 MB`,
  ],
  "README.md": [
    `when that ends (${seconds(leaseDuration)} s)`,
    `Clocks must be right to ${100 * maxClockDrift} %`,
  ],
};

for (const [path, list] of Object.entries(sentences)) {
  Deno.test(`the numbers of ${path} are those of the code`, () => {
    const plain = (text: string) => text.replace(/\*\*/g, "").replace(/\s+/g, " ").toLowerCase();
    const page = plain(Deno.readTextFileSync(new URL(path, root)));
    const missing = list.filter((sentence) => !page.includes(plain(sentence)));
    assertEquals(missing, []);
    assert(list.length > 1);
  });
}
