/**
 * The rules that can be switched off (`lib/runtime/rules.ts`), each with the test that must fail
 * then. `deno task mutations` tries all of them. The compiler checks that no rule is missing.
 *
 * @module
 */
import type { RuleName } from "../lib/runtime/rules.ts";

/** A rule and the test that fails without it. */
export interface Mutation {
  /** One sentence. */
  readonly sentence: string;
  /** The file of the test, from `tests/`. */
  readonly testFile: string;
  /** The test's whole name. */
  readonly test: string;
}

/** Makes a mutation whose test is in one file. */
const testedBy = (testFile: string) => (sentence: string, test: string): Mutation => ({
  sentence,
  testFile,
  test,
});
const pathological = testedBy("membership/pathological_test.ts");
const hostile = testedBy("membership/hostile_member_test.ts");
const formation = testedBy("membership/formation_test.ts");
const leadership = testedBy("membership/leadership_test.ts");
const scenario = testedBy("membership/scenario_test.ts");
const exchange = testedBy("cluster/service_exchange_test.ts");
const sharding = testedBy("sharding/rule_seeds.ts");

/** All rules, by name. */
export const mutations: Readonly<Record<RuleName, Mutation>> = {
  twoObserversAgree: pathological(
    "Two observers must agree before a member is unreachable.",
    "one sick member that accuses all others costs nobody else anything (pekko#578)",
  ),
  leavingMembersDoNotAccuse: leadership(
    "A leaving member's accusations do not count.",
    "members that leave, or whom we cannot reach, have no say on others",
  ),
  indirectProbesVouch: pathological(
    "A positive answer to an indirect probe prevents an accusation.",
    "a member that two observers cannot reach but others can is not unreachable",
  ),
  accusedMembersRefute: pathological(
    "An accused member refutes the accusation by gossip.",
    "a member that hardly anybody reaches says by gossip that it lives",
  ),
  ownLagExcusesSilence: pathological(
    "Silence during a stall of this node is not held against its peers.",
    "a starved member that runs now and then accuses nobody (protoactor#1524)",
  ),
  pausesAreTolerated: pathological(
    "The failure detector tolerates pauses of up to `acceptablePause`.",
    "stalls of 3 s under loss make nobody unreachable (akka.net#4849, W40)",
  ),
  silenceCountsFromStart: pathological(
    "The failure detector suspects a peer that was never heard.",
    "a node that dies right after it has joined is found out (W10, W40)",
  ),
  monitorsAreLimited: pathological(
    "Each member is monitored by a fixed number of others.",
    "heartbeats per member do not grow with the cluster (W38)",
  ),
  stalledMembersAreSpared: pathological(
    "A member whose process is alive is stalled, not dead.",
    "an event loop that stands still for 50 s makes its node stalled, not down",
  ),
  stallsAreLimited: pathological(
    "A stall longer than the stall limit counts as silence.",
    "an event loop that never runs again is downed after the stall limit",
  ),
  onlyMajoritySurvives: pathological(
    "Only the side with a majority survives a partition.",
    "in no partition do two sides down each other and live (Akka.Management#2494)",
  ),
  unreachableSetIsStable: pathological(
    "Nobody is downed before the set of unreachable members is stable.",
    "a partition that heals before the time is up leaves no trace (W4)",
  ),
  evidenceNamesObservers: pathological(
    "A downed member learns which observers could not reach it.",
    "who was told that it is dead knows by whom, why, and on whose word (orleans#7505)",
  ),
  weaklyUpHasNoVote: testedBy("membership/weakly_up_test.ts")(
    "A weakly up member has no vote.",
    "members that are weakly up have no vote: with them a minority stays one",
  ),
  bootstrapNeedsMajority: formation(
    "A majority of the seeds must agree before a node bootstraps.",
    "a first seed that was downed and starts again alone bootstraps no second cluster",
  ),
  seedsVoteOnce: formation(
    "A seed votes for one bootstrapping node at a time.",
    "a seed lets one founder go ahead, so two that do not hear each other make one cluster",
  ),
  rejoiningNodesDoNotVote: formation(
    "A node that rejoins its cluster votes for no bootstrap.",
    "a node that waits for its cluster lets nobody found another",
  ),
  clustersNeverMerge: testedBy("membership/membership_test.ts")(
    "Gossip with another cluster id is ignored.",
    "gossip of another cluster changes nothing; its sender is told and the log says it once",
  ),
  configConflictsAreRefused: formation(
    "A node with a conflicting cluster configuration may not join.",
    "a node with another configuration is refused with the key, and bootstraps nothing",
  ),
  oldestLeads: leadership(
    "The oldest member leads.",
    "the oldest member that is up leads, not the one with the lowest address",
  ),
  unreachableBlocksPromotion: leadership(
    "No member becomes up while an up member is unreachable.",
    "what counts as a majority does not change while a full member is unreachable",
  ),
  leavingIsAnnounced: scenario(
    "A member announces that it leaves.",
    "a member that leaves goes through all steps, and nobody is downed",
  ),
  equalDigestsEndGossip: scenario(
    "Only a digest is sent while states are equal.",
    "a hundred members form, and then talk little",
  ),
  ownRecordIsProtected: hostile(
    "A member ignores what others write into its own record.",
    "what others say in a member's name does not change what it says, nor silence it",
  ),
  memberTableIsBounded: hostile(
    "The member table is bounded.",
    "100,000 members and tombstones that are not there take bounded space",
  ),
  peersAreRateLimited: hostile(
    "The work that one peer can cause is rate limited.",
    "a flood of one member is ignored and logged once, and others are still answered",
  ),
  incarnationsAreRateLimited: hostile(
    "New incarnations of one node are rate limited.",
    "a member that is born again and again is not let in more than a few times a second",
  ),
  relaysAreBounded: hostile(
    "The number of probes relayed for one member is bounded.",
    "one member's probes do not use up what is there for all",
  ),
  rejectionLogIsRateLimited: hostile(
    "Rejected joins are logged once a minute.",
    "who asks in another's name, or may not join, is logged once a minute, however often",
  ),
  upNumbersAreBounded: hostile(
    "Up numbers stay within the range that the wire carries.",
    "numbers stay within bounds where a member has the highest that there is",
  ),
  withdrawnServicesDisappear: exchange(
    "A service that its node withdraws disappears everywhere.",
    "what is offered is known everywhere, and withdrawn everywhere",
  ),
  staleServiceListsAreIgnored: exchange(
    "A stale service list does not replace a newer one.",
    "whatever is lost, comes twice or out of order, all know the same in the end",
  ),
  coordinatorAwaitsReports: sharding(
    "A new coordinator grants no shard before all regions have reported.",
    "no seed violates an invariant",
  ),
  shardStopsBeforeHandOff: sharding(
    "A shard is handed off only when its entities have stopped.",
    "no seed violates an invariant",
  ),
  routeChangesAreFlushed: sharding(
    "Messages for a moved shard wait for older ones on the previous route.",
    "no seed violates an invariant",
  ),
  flushMarkersEndWaits: sharding(
    "A flush marker ends the wait of messages for a moved shard.",
    "no seed violates an invariant",
  ),
};
