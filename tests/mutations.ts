/**
 * Rules of the implementation, each with the text that makes it, the text without it, and a test
 * that fails then. `deno task mutations` tries all of them.
 *
 * @module
 */

/** A rule, how to take it out, and the test that notices. */
export interface Mutation {
  /** One sentence. */
  readonly rule: string;
  /** The file, from `lib/`. */
  readonly file: string;
  /** A text that is in the file once. */
  readonly text: string;
  /** What stands there instead. */
  readonly instead: string;
  /** The file of the test, from `tests/`. */
  readonly testFile: string;
  /** The test's whole name. */
  readonly test: string;
}

const of = (testFile: string, test: string) => ({ testFile, test });
const pathological = (test: string) => of("membership/pathological_test.ts", test);
const hostile = (test: string) => of("membership/hostile_member_test.ts", test);
const formation = (test: string) => of("membership/formation_test.ts", test);
const exchange = (test: string) => of("cluster/service_exchange_test.ts", test);
const leadership = (test: string) => of("membership/leadership_test.ts", test);

const detection: readonly Mutation[] = [
  {
    rule: "two observers must agree",
    file: "membership/detector/reachability.ts",
    text: "const observersNeeded = 2;",
    instead: "const observersNeeded = 1;",
    ...pathological(
      "one sick member that accuses all others costs nobody else anything (pekko#578)",
    ),
  },
  {
    rule: "who leaves has no say on others",
    file: "membership/detector/reachability.ts",
    text: "return isAlive(member) && !isLeaving(member);",
    instead: "return isAlive(member);",
    ...leadership("members that leave, or whom we cannot reach, have no say on others"),
  },
  {
    rule: "others vouch for a member that one does not hear",
    file: "membership/detector/probing.ts",
    text: "  if (alive) {",
    instead: "  if (alive && sequence < 0) {",
    ...pathological("a member that two observers cannot reach but others can is not unreachable"),
  },
  {
    rule: "the accused refutes",
    file: "membership/detector/reachability.ts",
    text: "if (highest < own ||",
    instead: "if (true ||",
    ...pathological("a member that hardly anybody reaches says by gossip that it lives"),
  },
  {
    rule: "what a node did not hear while it stood still is its own fault",
    file: "membership/detector/heartbeating.ts",
    text: "if (!(ms > 0)) return;",
    instead: "if (ms > -1) return;",
    ...pathological("a starved member that runs now and then accuses nobody (protoactor#1524)"),
  },
  {
    rule: "three seconds of pause are usual",
    file: "membership/detector/phi_accrual.ts",
    text: "acceptablePause: 3_000,",
    instead: "acceptablePause: 0,",
    ...pathological("stalls of 3 s under loss make nobody unreachable (akka.net#4849, W40)"),
  },
  {
    rule: "silence counts before anything was heard",
    file: "membership/detector/phi_accrual.ts",
    text: "let mean = firstEstimate;",
    instead: "let mean = firstEstimate; if (count < 2) return 0;",
    ...pathological("a node that dies right after it has joined is found out (W10, W40)"),
  },
  {
    rule: "each is watched by five",
    file: "membership/detector/monitoring.ts",
    text: "step < ring.length && answering < count",
    instead: "step < ring.length",
    ...pathological("heartbeats per member do not grow with the cluster (W38)"),
  },
  {
    rule: "whose process lives is stalled, not gone",
    file: "membership/state/view.ts",
    text: 'if (reason === "stalled") stalled.add(address);',
    instead: "",
    ...pathological("an event loop that stands still for 50 s makes its node stalled, not down"),
  },
  {
    rule: "a stall has a limit",
    file: "membership/detector/monitored_peer.ts",
    text: 'if (stall.outcome === "stalled" && now - stall.since >= limit) return "silent";',
    instead: "",
    ...pathological("an event loop that never runs again is downed after the stall limit"),
  },
];

const downing: readonly Mutation[] = [
  {
    rule: "only a majority goes on",
    file: "membership/downing/keep_majority.ts",
    text: "return { wins: reachable >= silent, why };",
    instead: "return { wins: true, why };",
    ...pathological("in no partition do two sides down each other and live (Akka.Management#2494)"),
  },
  {
    rule: "the unreachable must stay the same for long enough",
    file: "membership/downing/outlook.ts",
    text: "stableAfter(view.members.filter(isAlive).length);",
    instead: "stableAfter(view.members.filter(isAlive).length) / 4;",
    ...pathological("a partition that heals before the time is up leaves no trace (W4)"),
  },
  {
    rule: "who is downed learns on whose word",
    file: "membership/downing/resolving.ts",
    text: "observers: accusers.map(({ observer }) => observer),",
    instead: "observers: [],",
    ...pathological(
      "who was told that it is dead knows by whom, why, and on whose word (orleans#7505)",
    ),
  },
  {
    rule: "who is weakly up has no vote",
    file: "membership/downing/downing.ts",
    text: 'return status === "up" ||',
    instead: 'return status === "up" || status === "weaklyUp" ||',
    ...of(
      "membership/weakly_up_test.ts",
      "members that are weakly up have no vote: with them a minority stays one",
    ),
  },
];

const founding: readonly Mutation[] = [
  {
    rule: "a majority of the seeds must agree that there is no cluster",
    file: "membership/joining/bootstrap.ts",
    text: "return config.allowSelfBootstrap || agreed >= agreementsNeeded(m);",
    instead: "return true;",
    ...formation(
      "a first seed that was downed and starts again alone bootstraps no second cluster",
    ),
  },
  {
    rule: "a seed lets one node go ahead",
    file: "membership/joining/bootstrap.ts",
    text:
      "if (vote !== undefined && vote.to !== from && now - vote.at < voteLifetime) return false;",
    instead: "",
    ...formation(
      "a seed lets one founder go ahead, so two that do not hear each other make one cluster",
    ),
  },
  {
    rule: "who waits for its cluster lets nobody found another",
    file: "membership/joining/bootstrap.ts",
    text: "if (!m.config.bootstraps) return false;",
    instead: "",
    ...formation("a node that waits for its cluster lets nobody found another"),
  },
  {
    rule: "clusters never merge",
    file: "membership/machine/membership.ts",
    text:
      "if (message.clusterId !== m.clusterId) return onForeignPeer(m, from, message.clusterId, now);",
    instead: "",
    ...of(
      "membership/membership_test.ts",
      "gossip of another cluster changes nothing; its sender is told and the log says it once",
    ),
  },
  {
    rule: "a node with another configuration is refused",
    file: "membership/joining/joining.ts",
    text: "theirs[key] === ours[key]) continue;",
    instead: "theirs[key] !== 0) continue;",
    ...formation(
      "a node with another configuration is refused with the key, and bootstraps nothing",
    ),
  },
];

const leading: readonly Mutation[] = [
  {
    rule: "the oldest leads",
    file: "membership/state/member.ts",
    text: "if (a.upNumber !== b.upNumber) {",
    instead: "if (a.upNumber < 0) {",
    ...leadership("the oldest member that is up leads, not the one with the lowest address"),
  },
  {
    rule: "nobody becomes up while a full member is unreachable",
    file: "membership/machine/leader_actions.ts",
    text: 'status === "up" && unreachable.has(address)',
    instead: 'status === "removed" && unreachable.has(address)',
    ...leadership("what counts as a majority does not change while a full member is unreachable"),
  },
  {
    rule: "a member announces that it leaves",
    file: "membership/joining/leaving.ts",
    text: 'withMember(m.state, { ...m.view.self, status: "leaving" })',
    instead: "m.state",
    ...of(
      "membership/scenario_test.ts",
      "a member that leaves goes through all steps, and nobody is downed",
    ),
  },
  {
    rule: "only a digest travels while nothing is new",
    file: "membership/machine/gossiping.ts",
    text: "if (message.digest !== m.fullDigest) summarise(m, from);",
    instead: "summarise(m, from);",
    ...of("membership/scenario_test.ts", "a hundred members form, and then talk little"),
  },
];

const hostility: readonly Mutation[] = [
  {
    rule: "nobody speaks in another member's name to itself",
    file: "membership/joining/admission.ts",
    text: "if (admissible !== own) (result",
    instead: "if (most < 0) (result",
    ...hostile("what others say in a member's name does not change what it says, nor silence it"),
  },
  {
    rule: "the table of members is bounded",
    file: "membership/joining/admission.ts",
    text: "if (size + theirs.size > most) {",
    instead: "if (most < 0) {",
    ...hostile("100,000 members and tombstones that are not there take bounded space"),
  },
  {
    rule: "a peer can make a node do only so much",
    file: "membership/machine/membership.ts",
    text: "if (costs(message) && !withinRateLimit(m, from, now)) return;",
    instead: "",
    ...hostile("a flood of one member is ignored and logged once, and others are still answered"),
  },
  {
    rule: "new lives of one node are rationed",
    file: "membership/joining/joining.ts",
    text: "m.gossip.budget.charge(from, incarnationCost, now);",
    instead: "",
    ...hostile(
      "a member that is born again and again is not let in more than a few times a second",
    ),
  },
  {
    rule: "probes for one member are bounded",
    file: "membership/detector/probing.ts",
    text: "++own >= maxRelaysEach",
    instead: "++own < 0",
    ...hostile("one member's probes do not use up what is there for all"),
  },
  {
    rule: "who may not join is logged once a minute",
    file: "membership/joining/joining.ts",
    text: "if (last !== undefined && now - last < rejectedLogInterval) return;",
    instead: "",
    ...hostile(
      "who asks in another's name, or may not join, is logged once a minute, however often",
    ),
  },
  {
    rule: "numbers of members stay within what can be sent",
    file: "membership/machine/leader_actions.ts",
    text: "lastUp = Math.min(lastUp + 1, Number.MAX_SAFE_INTEGER);",
    instead: "lastUp++;",
    ...hostile("numbers stay within bounds where a member has the highest that there is"),
  },
];

const services: readonly Mutation[] = [
  {
    rule: "what a node offers no more is gone everywhere",
    file: "cluster/node/service_exchange.ts",
    text: "this.#told.set(address, { incarnation, counter, services });",
    instead: "this.#told.set(address, { incarnation, counter, services: " +
      "[...known?.services ?? [], ...services] });",
    ...exchange("what is offered is known everywhere, and withdrawn everywhere"),
  },
  {
    rule: "an old list replaces no newer one",
    file: "cluster/node/service_exchange.ts",
    text: "if (known.incarnation === incarnation && known.counter >= counter) return;",
    instead: "",
    ...exchange("whatever is lost, comes twice or out of order, all know the same in the end"),
  },
];

/** All of them. */
export const mutations: readonly Mutation[] = [
  ...detection,
  ...downing,
  ...founding,
  ...leading,
  ...hostility,
  ...services,
];
