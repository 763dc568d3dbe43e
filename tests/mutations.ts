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
const gone = testedBy("membership/gone_test.ts");
const hostile = testedBy("membership/hostile_member_test.ts");
const forged = testedBy("membership/forged_claims_test.ts");
const formation = testedBy("membership/formation_test.ts");
const starting = testedBy("sim/start_test.ts");
const refusing = testedBy("transport/endpoint_test.ts");
const lost = testedBy("membership/lost_cluster_test.ts");
const leadership = testedBy("membership/leadership_test.ts");
const scenario = testedBy("membership/scenario_test.ts");
const askFailures = testedBy("actor/ask_failures_test.ts");
const simulatedAsks = testedBy("sim/ask_failures_test.ts");
const askDeadline = testedBy("actor/ask_deadline_test.ts");
const exchange = testedBy("cluster/service_exchange_test.ts");
const coordinator = testedBy("sharding/coordinator_test.ts");
const flushTurns = testedBy("sharding/flush_turns_test.ts");
const closing = testedBy("sharding/closing_node_test.ts");
const routes = testedBy("sharding/shard_routes_test.ts");
const sharding = testedBy("sharding/rule_seeds.ts");
const entityMessages = testedBy("sim/entity_messages_test.ts");
const singletons = testedBy("singleton/singleton_test.ts");
const entityWork = testedBy("sim/entity_passivation_test.ts");
const lease = testedBy("sharding/lease/lease_machines_test.ts");
const offsetRows = testedBy("persistence/offset_rows_test.ts");
const projections = testedBy("persistence/projection_machine_test.ts");
const leaseSeeds = testedBy("sharding/lease/rule_seeds.ts");
const reminders = testedBy("persistence/reminders/reminders_test.ts");
const dueService = testedBy("persistence/due/due_service_test.ts");
const events = testedBy("persistence/event_sourced_test.ts");
const effects = testedBy("persistence/effects_test.ts");
const durableEntities = testedBy("persistence/durable_entities_test.ts");
const delivery = testedBy("persistence/delivery_test.ts");
const replication = testedBy("replication/machines_test.ts");
const replicatedShard = testedBy("replication/replicated_shard_test.ts");
const hostileCopies = testedBy("sim/hostile_replication_test.ts");
const warm = testedBy("replication/warm_test.ts");
const standbys = testedBy("sim/standby_test.ts");
const topicLog = testedBy("topics/topic_log_test.ts");
const topicInterest = testedBy("topics/interest_exchange_test.ts");
const topicClients = testedBy("topics/topic_clients_test.ts");
const topics = testedBy("sim/topics_test.ts");
const broadcasts = testedBy("sim/broadcast_test.ts");
const structures = testedBy("distributed/machines_test.ts");
const sharedStructures = testedBy("sim/distributed_test.ts");
const replicationSeeds = testedBy("replication/rule_seeds.ts");
const reliable = testedBy("delivery/machines_test.ts");
const limiter = testedBy("delivery/limiter_test.ts");
const rateLimit = testedBy("delivery/rate_limit_test.ts");

/** All rules, by name. */
export const mutations: Readonly<Record<RuleName, Mutation>> = {
  twoObserversAgree: pathological(
    "Two observers must agree before a member is unreachable.",
    "one faulty member that accuses all others affects none of them (pekko#578)",
  ),
  leavingMembersDoNotAccuse: leadership(
    "A leaving member's accusations do not count.",
    "accusations by leaving or unreachable members do not count",
  ),
  indirectProbesVouch: pathological(
    "A positive answer to an indirect probe prevents an accusation.",
    "a member that two observers cannot reach but helpers can is not unreachable",
  ),
  accusedMembersRefute: pathological(
    "An accused member refutes the accusation by gossip.",
    "a member that few others can reach refutes accusations by gossip",
  ),
  ownLagExcusesSilence: pathological(
    "Silence during a stall of this node is not held against its peers.",
    "a starved member that runs now and then makes no accusations (protoactor#1524)",
  ),
  pausesAreTolerated: pathological(
    "The failure detector tolerates pauses of up to `acceptablePause`.",
    "stalls of 3 s under message loss make no member unreachable (akka.net#4849, W40)",
  ),
  silenceCountsFromStart: pathological(
    "The failure detector suspects a peer that was never heard.",
    "a crash right after joining is detected (W10, W40)",
  ),
  monitorsAreLimited: pathological(
    "Each member is monitored by a fixed number of others.",
    "heartbeats per member do not grow with the cluster (W38)",
  ),
  stalledMembersAreSpared: pathological(
    "A member whose process is alive is stalled, not dead.",
    "an event loop stall of 50 s makes a member stalled, not down",
  ),
  stallsAreLimited: pathological(
    "A stall longer than the stall limit counts as silence.",
    "a member whose event loop never resumes is downed after the stall limit",
  ),
  goneNeedsRefusedPorts: gone(
    "A member is gone only if its host refuses connections to both its ports.",
    "connections that are reset to a running process do not make it gone",
  ),
  goneNeedsTwoObservers: gone(
    "Two observers must find a member gone, where two can observe it.",
    "one observer of several does not make a member gone",
  ),
  helpersAreAskedFirst: gone(
    "A member is not gone if another member reaches it.",
    "a member that others reach is not gone, not even for a moment",
  ),
  goneIsToldAtOnce: gone(
    "A node that finds a member gone tells others at once.",
    "the oldest of forty members know within half a second that another is gone",
  ),
  stallPortIsAnnounced: gone(
    "A node announces its stall port to its observers as soon as it listens.",
    "a process that is killed right after its stall responder has started is gone",
  ),
  lifeVoidsGone: gone(
    "Evidence of life by others voids what this node has found about lost connections.",
    "a member that refutes that it is gone is then left alone",
  ),
  translatedMembersAreNotGone: gone(
    "A member whose address is translated is not found gone.",
    "a member whose address is translated is never gone",
  ),
  mappedAddressesProveNothing: testedBy("cluster/stall_detection_test.ts")(
    "A refusal through an address map is no evidence.",
    "a refusal through an address map says nothing about the host",
  ),
  orderlyCloseIsNotGone: testedBy("transport/cut_connections_test.ts")(
    "A connection that ends with a close frame is no evidence.",
    "a connection that is closed in order, by either end, is not cut",
  ),
  goneDoesNotHastenDowning: gone(
    "A member that is gone is downed no sooner than a silent one.",
    "a member whose firewall rejects all for a while is reachable again, and not downed",
  ),
  onlyMajoritySurvives: pathological(
    "Only the side with a majority survives a partition.",
    "two sides of a partition never down each other and survive (Akka.Management#2494)",
  ),
  unreachableSetIsStable: pathological(
    "Nobody is downed before the set of unreachable members is stable.",
    "a partition that heals before the set is stable downs no member (W4)",
  ),
  evidenceNamesObservers: pathological(
    "A downed member learns which observers could not reach it.",
    "a downed member learns the deciding member, the reason and the observers (orleans#7505)",
  ),
  weaklyUpHasNoVote: testedBy("membership/weakly_up_test.ts")(
    "A weakly up member has no vote.",
    "weakly up members have no vote: they do not make a minority a majority",
  ),
  bootstrapNeedsMajority: formation(
    "A majority of the seeds must agree before a node bootstraps.",
    "a first seed that was downed and restarts alone bootstraps no second cluster",
  ),
  seedsVoteOnce: formation(
    "A seed votes for one bootstrapping node at a time.",
    "a seed votes for one bootstrap node, so two that cannot reach each other make one cluster",
  ),
  rejoiningNodesDoNotVote: formation(
    "A node that rejoins its cluster votes for no bootstrap.",
    "a node that rejoins its cluster votes for no bootstrap",
  ),
  clustersNeverMerge: testedBy("membership/membership_test.ts")(
    "Gossip with another cluster id is ignored.",
    "gossip with another cluster id changes nothing; its sender is notified and it is logged once",
  ),
  onlyFullMembersAdmit: lost(
    "Only full members admit nodes; others name full members.",
    "a joining member admits no node, but names the full members that do",
  ),
  onlyFullMembersPromote: lost(
    "Only a full member makes joining members full.",
    "a joining node does not make itself full when its last full member is gone",
  ),
  decisionsWaitForSuspicions: testedBy("membership/minority_test.ts")(
    "A side declares the other one down only if it hears the members that it counts on.",
    "two of seven nodes that are cut off declare no member of the majority down",
  ),
  onlyFullMembersDown: lost(
    "A side without a full member declares no member down.",
    "restarted members with a majority of the votes do not down the last full member",
  ),
  lostClustersAreGivenUp: lost(
    "A joining node gives a cluster up that has no full member any more.",
    "a joining node whose full members are lost gives its cluster up and bootstraps another",
  ),
  replacedMembersAreProvenDead: lost(
    "A member of which a later incarnation asks to join is dead.",
    "a joining node whose full members have all restarted gives its cluster up at once",
  ),
  replacedMembersKeepTheirVote: lost(
    "A node that restarts at its address keeps its vote.",
    "a majority of which some have restarted is still one",
  ),
  seedsAreCollected: formation(
    "A node bootstraps only after it has collected answers about dynamic seeds for a while.",
    "answers about the seeds that never agree lead to one cluster by a majority of all",
  ),
  allNamedSeedsCount: formation(
    "All addresses that answers have named lately are seeds, not only those of the latest.",
    "a part of the seeds bootstraps nothing while answers have named a majority elsewhere",
  ),
  onlyUnusableSeedsEndTheJoin: formation(
    "A node gives up for its seeds only if a connection to none of them can ever be used.",
    "a node waits while a seed may come up, has answered, or a cluster is heard",
  ),
  otherNamesAreNotSelf: starting(
    "A name that leads a node to itself is its own address only in another spelling of that.",
    "any other name that leads a node to itself is an error, since it may lead elsewhere",
  ),
  selfIsProved: refusing(
    "Only this end itself can say that this end has dialled itself.",
    "handshake: a peer that calls this end itself is not believed",
  ),
  configConflictsAreRefused: formation(
    "A node with a conflicting cluster configuration may not join.",
    "a node with a conflicting configuration is rejected with the key, and does not bootstrap",
  ),
  oldestLeads: leadership(
    "The oldest member leads.",
    "the oldest member that is up leads, not the one with the lowest address",
  ),
  unreachableBlocksPromotion: leadership(
    "No member becomes up while an up member is unreachable.",
    "the set of voters does not change while an up member is unreachable",
  ),
  leavingIsAnnounced: scenario(
    "A member announces that it leaves.",
    "a leaving member passes through all statuses, and no member is downed",
  ),
  equalDigestsEndGossip: scenario(
    "Only a digest is sent while states are equal.",
    "a hundred members form, and then exchange digests only",
  ),
  ownRecordIsProtected: hostile(
    "A member ignores what others write into its own record.",
    "forged versions of a member's record neither change nor suppress its own",
  ),
  memberTableIsBounded: hostile(
    "The member table is bounded.",
    "100,000 fake members and tombstones take bounded space",
  ),
  peersAreRateLimited: hostile(
    "The work that one peer can cause is rate limited.",
    "a flood from one member is dropped and logged once, and others are still answered",
  ),
  incarnationsAreRateLimited: hostile(
    "New incarnations of one node are rate limited.",
    "new incarnations of one node are admitted only a few times a second",
  ),
  relaysAreBounded: hostile(
    "The number of probes relayed for one member is bounded.",
    "the probes of one member do not exhaust the relays of all",
  ),
  contactsAreBounded: hostile(
    "A node asks few of the members that another one names, and not more often than it is told to.",
    "a seed that names ever more members makes a joining node dial a bounded number",
  ),
  rejectionLogIsRateLimited: hostile(
    "Rejected joins are logged once a minute.",
    "a forged or rejected join is logged once a minute, however often it is repeated",
  ),
  upNumbersAreBounded: hostile(
    "Up numbers stay within the range that the wire carries.",
    "up numbers stay within bounds if a member has the highest one",
  ),
  countersHaveCeilings: forged(
    "No peer can raise a counter without bound.",
    "a member that claims the highest counters of another changes nothing",
  ),
  membersDescribeThemselves: forged(
    "A member has the last word on its labels and its age.",
    "a member has the last word on its roles, version, zone, name and age",
  ),
  ownStatusIsRefuted: forged(
    "A member that does not leave refutes that it does.",
    "a member that others call leaving stays",
  ),
  onlyMembersGossip: forged(
    "A node that is no member speaks of itself only.",
    "a node that is no member can speak of itself only",
  ),
  endsNeedTwoWitnesses: forged(
    "That a member has ended is believed with two witnesses only.",
    "no member ends because one other says so, in any way and any order",
  ),
  hearsayNeedsTwoSpeakers: forged(
    "That a member has a vote, or leaves, is believed from two members only.",
    "one member cannot make members that do not exist",
  ),
  leavingNeedsNoVote: testedBy("membership/scenario_test.ts")(
    "That a member leaves is believed from itself, also before others have said that it has a vote.",
    "a member that leaves as soon as it is up has left once the others have seen it",
  ),
  expiredAsksAreDropped: askDeadline(
    "A message whose asker has given up is not handled.",
    "a message whose asker has given up is dropped before the handler",
  ),
  endsFailAsks: askFailures(
    "When an actor stops, the asks that it has not answered fail.",
    "an ask fails at once when the actor stops before it has replied",
  ),
  failuresFailAsks: askFailures(
    "When a handler throws, the ask whose message it was given fails.",
    "an ask fails at once when the handler throws, whatever the supervision does",
  ),
  passedAsksOutliveActors: askFailures(
    "An ask that an actor has passed on does not end with the actor.",
    "an actor may pass an ask on to another and stop",
  ),
  routersReportLostAsks: simulatedAsks(
    "An ask of a router at another node fails with the routee at a third.",
    "an ask of a router at another node fails with the routee at a third",
  ),
  innerAsksInheritDeadlines: askDeadline(
    "An ask in the handler of another ends with it.",
    "an inner ask ends with the deadline of the message at hand",
  ),
  withdrawnServicesDisappear: exchange(
    "A service that its node withdraws disappears everywhere.",
    "services are registered and withdrawn on all nodes",
  ),
  staleServiceListsAreIgnored: exchange(
    "A stale service list does not replace a newer one.",
    "lists converge under loss, duplication and reordering",
  ),
  leavingIsNotListed: exchange(
    "Services of a member that leaves are not listed.",
    "services of a member that leaves are not listed, while clients still hear of them",
  ),
  servicesAreWithdrawnFirst: testedBy("cluster/service_withdrawal_test.ts")(
    "A node that leaves waits until nothing more is sent to its services.",
    "a node that leaves waits until all that send to it have answered",
  ),
  absentClientsAreKept: testedBy("remoting/client_presence_test.ts")(
    "A client that is not connected is not gone before its timeout.",
    "a client that is away is gone after the timeout, unless it comes back",
  ),
  coordinatorAwaitsReports: sharding(
    "A new coordinator grants no shard before all regions have reported.",
    "no seed violates an invariant",
  ),
  joiningMembersReport: coordinator(
    "A new coordinator awaits the reports of members that it sees as joining, too.",
    "a new coordinator awaits the report of a joining member: the last one may have seen it up",
  ),
  onlyUpMembersOwn: coordinator(
    "Shards are granted to members that are up only: all reachable members know those.",
    "a joining node gets shards when it is up: then all members know it",
  ),
  endedGrantsStayEnded: closing(
    "A grant that a node has reported as ended is not accepted again, from any sender.",
    "a message that a node without the region sends back waits for a later grant than that",
  ),
  grantsEndWithIncarnations: routes(
    "A grant ends with the incarnation of the node that has it.",
    "a grant ends with the incarnation that had it",
  ),
  waitingGoOutInTurns: flushTurns(
    "Of the messages that waited for a shard, a turn of the event loop takes one large one.",
    "at most one large message that waited goes out in a turn, whatever its shard",
  ),
  unreadIsSentAgain: closing(
    "What a node has certainly not read, its sender sends again.",
    "what a node has not read is sent again in order, before newer messages",
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
  heardNodesAreNotLost: testedBy("sharding/lost_nodes_test.ts")(
    "A node that was heard just now is not lost, whatever the view says.",
    "messages for a moved shard wait for older ones through a node that was heard just now",
  ),
  replacedOwnersFailAsks: testedBy("sim/replaced_owner_test.ts")(
    "An ask that waits at a lost owner fails when another node has taken over.",
    "asks that wait at an owner that is cut off fail when its shards are taken over",
  ),
  replacedHandlersEnd: testedBy("sim/replaced_handler_test.ts")(
    "An entity whose shard another node owns does not wait for a handler.",
    "a handler that waits when its node is replaced does not keep the entity running there",
  ),
  locationsAreAsked: testedBy("sharding/implausible_epochs_test.ts")(
    "Where a shard is, only the coordinator and the node that is sent to may say.",
    "only the coordinator and the node that is sent to teach where a shard is",
  ),
  locationsAreConfirmed: coordinator(
    "No node learns where a shard is before its owner knows the grant.",
    "an owner that comes back is sent the new location only when the new owner knows the grant",
  ),
  tellersAreDoubted: testedBy("sharding/shard_routes_test.ts")(
    "What only a node has told that is gone does not outlive the word of the coordinator.",
    "what a node has told that is gone ends with an earlier grant of the coordinator",
  ),
  refusalsAreConfirmed: testedBy("sharding/lease/refused_config_test.ts")(
    "A newer configuration of leases is believed from the coordinator, or from two voters.",
    "a configuration that one voter names is not believed, and that of two is",
  ),
  laterListsAreKept: testedBy("sharding/entity_list_saver_test.ts")(
    "A node that was replaced does not overwrite the saved list of the next owner.",
    "an owner that was replaced does not overwrite the list of the next one",
  ),
  entitiesKeepMessages: entityMessages(
    "What an entity has not handled when it stops waits for its next incarnation.",
    "an entity that stops leaves its mailbox to the next incarnation, in order",
  ),
  workIsNotIdle: entityWork(
    "An entity that works is not passivated.",
    "an entity that gets messages by its own reference is not idle",
  ),
  daemonsStartAgain: singletons(
    "A singleton or worker that stops itself starts again.",
    "a singleton that fails or stops itself starts again after a pause; messages wait for it",
  ),
  onlyDaemonsStart: singletons(
    "The type of a singleton has no other entities, whatever peers ask for.",
    "a peer starts no other entity of the type of a singleton",
  ),
  suspendedWithoutLease: testedBy("testkit/simulation/one_owner_test.ts")(
    "The entities of a node are suspended while it holds no lease.",
    "a clean partition of five nodes has no two owners, and the majority takes all over",
  ),
  lagIsChecked: testedBy("actor/turn_gate_test.ts")(
    "Before a queue of turns is drained, the clock is looked at: the process may have stood still.",
    "a process that stood still handles no message of an entity before it looks at the clock",
  ),
  leaseCountsFromSend: lease(
    "A lease counts from the sending of the round that a quorum has acknowledged.",
    "a lease counts from the sending of the round, not from its answers",
  ),
  leaseNeedsQuorum: lease(
    "A lease needs a quorum of the voters.",
    "a lease needs a quorum, which may come from different rounds",
  ),
  clockJumpsEndLeases: lease(
    "A gain of wall time over monotonic time ends the lease.",
    "a gain of wall time ends the lease, also in small steps, and old rounds with it",
  ),
  excludedAreRefused: lease(
    "A voter acknowledges no holder that its configuration excludes.",
    "a voter refuses a holder that its configuration excludes",
  ),
  oldConfigsAreRefused: lease(
    "A voter acknowledges no holder that knows an older configuration.",
    "a voter refuses a holder that knows an older configuration, and sends its own",
  ),
  firstAckNeedsAdmission: lease(
    "The first acknowledgement of a holder needs its admission.",
    "the first acknowledgement needs admission in the acknowledged term, later ones do not",
  ),
  admissionIsRequested: testedBy("sharding/lease/lost_admission_test.ts")(
    "A node that waits for its first admission reports again soon.",
    "a node whose first admissions are lost holds a lease soon after one can arrive",
  ),
  holdersTravelWithConfigs: lease(
    "New voters learn which holders may be live.",
    "acknowledgements travel with configurations, and become no younger",
  ),
  votersChangeJointly: leaseSeeds(
    "Voters change by a joint step.",
    "no seed of the lease model violates an invariant",
  ),
  votersChangeWhenActive: lease(
    "Voters change only when all live holders are accounted for.",
    "voters change only when shards are granted",
  ),
  takeoverWaitsForLease: leaseSeeds(
    "A shard is granted anew only when the lease of its former owner has ended.",
    "no seed of the lease model violates an invariant",
  ),
  coordinatorNeedsQuorum: leaseSeeds(
    "A coordinator needs a quorum to begin, and for each change.",
    "no seed of the lease model violates an invariant",
  ),
  recoveryNeedsEveryone: lease(
    "Without a quorum of the living, every member must take part.",
    "a majority of dead voters is replaced when every living member has reported",
  ),
  liveHoldersAreAwaited: leaseSeeds(
    "A new coordinator awaits holders that may be live.",
    "no seed of the lease model violates an invariant",
  ),
  lateHoldersAreExcluded: lease(
    "A holder that becomes known after shards were granted is excluded.",
    "a holder that becomes known when shards are granted already is excluded",
  ),
  conflictsDelayReadmission: lease(
    "An excluded holder that claims shards of others is not readmitted.",
    "conflicts delay readmission",
  ),
  readmissionNeedsNewReport: lease(
    "A report from before an exclusion does not end it.",
    "a report from before an exclusion does not end it",
  ),
  openingsFence: offsetRows(
    "A worker that opens slices fences all that have opened them before.",
    "each opening has a higher fence, and keeps the offsets",
  ),
  earlierGrantsAreFenced: offsetRows(
    "A worker of an earlier grant does not take slices back.",
    "a worker of an earlier grant does not take its slices back",
  ),
  faultsReloadOffsets: projections(
    "After a fault of a store, what it has saved decides where a worker goes on.",
    "a store that fails is tried again for ever, from what it has saved",
  ),
  firstEventsMayRepeat: projections(
    "Events that an earlier worker may have handled are marked.",
    "the first events after a worker that was there before may come again",
  ),
  repliesFollowCommits: events(
    "What a durable actor says waits until the events that it is based on are durable.",
    "replies wait until the events they are based on are durable",
  ),
  failedWritesEndIncarnations: effects(
    "An actor never goes on with a state that is not stored.",
    "an actor whose write has failed never goes on, whatever its supervisor says (output)",
  ),
  restartsAwaitWrites: durableEntities(
    "An incarnation that fails ends when its write has ended: the next one finds it.",
    "an entity that fails in the middle of a write is started again when that has ended (supervised)",
  ),
  stopsAwaitSettledWork: events(
    "An orderly stop waits until the replies of a write that has ended are sent.",
    "an orderly stop sends the replies of a write that ends after it has begun, on a busy machine",
  ),
  failedWritesFailAsks: effects(
    "A failed write fails all asks that the actor was given and has not answered.",
    "a failed write fails all asks that were handled, and no others (output)",
  ),
  unrecoveredActorsRefuseAsks: effects(
    "Asks that wait for an actor which cannot recover fail with the reason.",
    "asks that wait for an actor which cannot recover fail at once; what is told waits",
  ),
  recoveriesTakeTurns: durableEntities(
    "No more than `maxRecoveries` actors recover from one journal at once.",
    "at most as many entities recover at once as asked; the others wait in order",
  ),
  unansweredAsksAreWork: durableEntities(
    "An entity is not idle while an asker waits for its answer.",
    "an entity that has not answered an ask is not idle until its asker gives up",
  ),
  marksAreStoredWithEvents: delivery(
    "The mark of a handled message is stored in the same append as its events.",
    "a message whose acknowledgement was lost is not handled again after a restart",
  ),
  acksFollowCommits: delivery(
    "A message is acknowledged once its events are durable.",
    "a message is acknowledged after the commit, and not if that fails",
  ),
  deliveriesKeepTheirOrder: delivery(
    "A message waits until those before it of the same sender were handled.",
    "messages of one sender are handled in the order in which they were stored",
  ),
  remindersAreMarked: reminders(
    "The mark of a due time is stored in the same append as what its command persists.",
    "the mark of a due time is in the append of what its command persists",
  ),
  changesNeedTheirCommand: reminders(
    "A command that has failed has changed no reminder.",
    "what a failed command has changed is not left to the next one",
  ),
  missedTimesAreOne: reminders(
    "Due times that have passed are made up for by one message.",
    "reminders are there after a restart, and times that have passed are one",
  ),
  failedRemindersPause: reminders(
    "A reminder whose command fails is tried again after a pause.",
    "a reminder whose command always fails is tried after growing pauses, beside others",
  ),
  overdueIsCalledByAll: dueService(
    "What is overdue in the share of another node is called by any.",
    "what is overdue in the share of a node that does not look is called by another",
  ),
  copiesRefuseLowerEpochs: replicationSeeds(
    "A copy obeys no owner whose epoch is lower than a promised one.",
    "no seed of replication violates an invariant",
  ),
  answersFollowStores: replicationSeeds(
    "A copy answers when what it tells of is durable.",
    "no seed of replication violates an invariant",
  ),
  oldTailsAreCut: replicationSeeds(
    "An entry of a later epoch replaces those at and behind its index.",
    "no seed of replication violates an invariant",
  ),
  lostStoresAreOthers: replicationSeeds(
    "A node that has lost its copies does not count as the one that had them.",
    "no seed of replication violates an invariant",
  ),
  acksNeedCopies: replicationSeeds(
    "An entry is acknowledged when a write set has stored it.",
    "no seed of replication violates an invariant",
  ),
  acksNeedLease: replicationSeeds(
    "An owner without a lease acknowledges nothing.",
    "no seed of replication violates an invariant",
  ),
  ownEpochIsAcknowledged: replication(
    "Entries of earlier epochs count only with one of the present epoch behind them.",
    "entries of an earlier epoch are acknowledged only with the first one of the present",
  ),
  openingsReadQuorum: replicationSeeds(
    "A log is opened when a read set has promised the epoch.",
    "no seed of replication violates an invariant",
  ),
  writesAwaitLease: replicatedShard(
    "Writes of suspended entities wait until the lease of their node is back.",
    "writes wait while the lease of their node is away, and are confirmed when it is back",
  ),
  unheardOwnersAreReplaced: replication(
    "An owner whose copies confirm nothing names another one.",
    "an owner that its copies do not hear names the one with the most, and its successor opens",
  ),
  unheardOwnersTakeTurns: testedBy("replication/unheard_owners_test.ts")(
    "Copies of which the owner has heard nothing before it is open are named in turns.",
    "wherever one copy hears enough others in both directions, the shard goes on",
  ),
  entitiesAwaitMoves: replicatedShard(
    "What waits for an entity that cannot recover here, as its shard moves, goes with the shard.",
    "a shard that moves while it opens gives its entities back",
  ),
  highestCopyOpens: replicationSeeds(
    "The log is opened by a node that has all that the others have.",
    "no seed of replication violates an invariant",
  ),
  incompleteCopiesDoNotCount: replication(
    "A copy that is being filled counts for nothing.",
    "a copy that is being filled does not count for a promotion",
  ),
  catchUpTakesTurns: replicatedShard(
    "What a copy lacks of a log is sent within the budget of the node's back-fills.",
    "what copies lack of the logs of many shards is sent within the budget of back-fills",
  ),
  silentMembersAreNoLoss: testedBy("sim/replication_operations_test.ts")(
    "`allowDataLoss` gives up copies that are lost, not those at members that do not answer.",
    "allowDataLoss waits for copies at members that do not answer, and loses nothing of them",
  ),
  inSyncCopiesAreKept: replication(
    "The content of an in-sync copy is not dropped.",
    "the content of an in-sync copy is not dropped",
  ),
  droppedContentIsForgotten: replication(
    "What a copy has confirmed before its content was dropped does not count.",
    "what a copy has confirmed before its content was dropped does not count",
  ),
  replicasChangeJointly: replicationSeeds(
    "While the in-sync copies change, decisions need both sets.",
    "no seed of replication violates an invariant",
  ),
  bootstrapAsksAll: replicationSeeds(
    "A shard begins when all stores that could have a copy have none.",
    "no seed of replication violates an invariant",
  ),
  copiesObeyOwners: hostileCopies(
    "A copy obeys the node to which the coordinator has granted the shard, and no other one.",
    "copies obey the owner that the coordinator names, and no other member",
  ),
  runnersHaveCopies: hostileCopies(
    "Only a node that runs a type answers for copies of it, and only for its own store.",
    "an owner listens to nodes that can have copies, and to each of its own store only",
  ),
  ownersReportShards: hostileCopies(
    "The coordinator learns of a shard from the node to which it was granted.",
    "the coordinator believes what the owner of a shard says of it, and no other member",
  ),
  coordinatorClosesBeginnings: hostileCopies(
    "That no shard begins any more is believed of the coordinator.",
    "that no shard begins any more is said by the coordinator, and by no other member",
  ),
  standbysFollowCommits: warm(
    "Standbys hear of events when the database has them.",
    "standbys hear of events when the database has said that it has them",
  ),
  warmStatesAreConfirmed: warm(
    "A kept state counts if the database has the event that it ends with.",
    "a kept state that ends with another event than the database has does not count",
  ),
  warmStatesCatchUp: warm(
    "A kept state gets the events that the database has behind it.",
    "an entity that starts from a kept state has all that the database has",
  ),
  standbysComeFirst: standbys(
    "The shard of a node that is lost goes to one that has its entities ready.",
    "shards of a node that is lost (crash) go to nodes that have their entities ready",
  ),
  lostMessagesAreSentAgain: reliable(
    "What a consumer has not got is sent again.",
    "one consumer handles all in order over a channel that loses, repeats and reorders",
  ),
  messagesAreHandledInOrder: reliable(
    "A consumer handles a message only after the one before it.",
    "each entity handles its jobs in order while entities restart",
  ),
  sessionsNameTheirConsumer: reliable(
    "A consumer takes a session only if it was opened for this incarnation of it.",
    "each entity handles its jobs in order while entities restart",
  ),
  jobsOfEndedWorkersReturn: reliable(
    "Jobs of a worker that has ended go to others.",
    "jobs of workers that have ended are done by others, each is confirmed once",
  ),
  limitersWaitAfterTakeover: limiter(
    "A limiter grants nothing while permits of its predecessor may be used.",
    "no second has more uses than allowed, whatever the clocks, the holders and takeovers do",
  ),
  permitsCountUntilUsed: limiter(
    "A permit whose use was not told counts as long as it can be used.",
    "no second has more uses than allowed, whatever the clocks, the holders and takeovers do",
  ),
  latePermitsAreNotUsed: rateLimit(
    "A permit is used within its time, or not at all.",
    "a permit that arrives late is not used",
  ),
  lostSlotsEndTheWork: rateLimit(
    "Work ends with its slot.",
    "work whose slot cannot be renewed ends before the limiter gives it to others",
  ),
  topicNumbersGrow: topicLog(
    "A message of a topic that comes late or twice is dropped.",
    "numbers of a publisher grow: nothing comes twice or out of order",
  ),
  membersPublishAsThemselves: topics(
    "A member names itself, its clients or a node that has gone as publisher.",
    "a bad member does not silence the publisher of another one",
  ),
  topicInterestEndsWithNode: topicInterest(
    "The topics of a node that is gone, or of its earlier incarnation, are forgotten.",
    "the topics of a node end with it, and with its incarnation",
  ),
  lostTopicsAreRequested: topicInterest(
    "A node that has missed an announcement of topics requests the list.",
    "a lost announcement is requested with the next, or with the next tick",
  ),
  retainedAreSentFirst: topics(
    "A node that opens a topic is sent what the others retain.",
    "later subscribers get what is retained, in order and once, wherever they are",
  ),
  topicSubscriptionsExpire: topicClients(
    "A client that does not renew its subscriptions is forgotten.",
    "subscriptions that are not renewed end",
  ),
  clientsFollowTheirContact: topics(
    "A client whose contact has changed subscribes at the new one.",
    "clients publish and subscribe, one copy each, and follow their contact",
  ),
  clientsPublishOwnRefs: topics(
    "A client publishes references to its own actors only, since others may be forged.",
    "a reference that a client may have forged is not published",
  ),
  earlyBroadcastsWait: broadcasts(
    "A message for a broadcast actor waits a moment for a node that is just up to spawn it.",
    "a message reaches the instance of every member, and of those that join later",
  ),
  expiredWaitersGetNoGrant: structures(
    "One whose deadline has passed gets no lock, and is no party of a barrier.",
    "one whose deadline has passed gets no grant",
  ),
  tokensGrowWithEpochs: structures(
    "Fencing tokens of a later grant of the shard are higher.",
    "tokens grow with each grant, and with each epoch",
  ),
  goneSessionsHoldNothing: sharedStructures(
    "What a program holds is free when the program is gone.",
    "a lock is renewed while its holder runs, and free when its holder is gone",
  ),
  leasesOutlastHolders: structures(
    "A lease ends at its holder before it ends at the lock, whatever 1 % of drift does.",
    "a lease ends at its holder first",
  ),
};
