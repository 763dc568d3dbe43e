import { assert, assertEquals } from "@std/assert";
import {
  type HolderId,
  isQuorum,
  type LeaseConfig,
  sameHolder,
} from "../../../lib/sharding/lease/lease_config.ts";
import {
  LeaseConfiguration,
  type LeaseProposal,
} from "../../../lib/sharding/lease/lease_configuration.ts";
import { LeaseHolder } from "../../../lib/sharding/lease/lease_holder.ts";
import { defaultLeaseTiming, maxClockDrift } from "../../../lib/sharding/lease/lease_timing.ts";
import { type LeaseRenewal, LeaseVoter } from "../../../lib/sharding/lease/lease_voter.ts";
import type { Term } from "../../../lib/sharding/routing/term.ts";

const { leaseDuration, takeoverWait, lostVoterWait, clockJump } = defaultLeaseTiming;
const id = (address: string, incarnation = 1): HolderId => ({ address, incarnation });
const [a, b, c, d, e, x] = ["a", "b", "c", "d", "e", "x"].map((name) => id(name)) as [
  HolderId,
  HolderId,
  HolderId,
  HolderId,
  HolderId,
  HolderId,
];
const first: Term = [1, "a"];
const second: Term = [2, "b"];

function config(
  voters: readonly HolderId[],
  count = 0,
  term = first,
  excluded: readonly HolderId[] = [],
): LeaseConfig {
  return { version: [term, count], voters, excluded };
}

/** A holder that knows the configuration and is admitted. */
function holderOf(known: LeaseConfig, self = x): LeaseHolder {
  const holder = new LeaseHolder(self);
  holder.learn(known);
  holder.admit(known.version[0]);
  return holder;
}

function voterOf(adopted: LeaseConfig): LeaseVoter {
  const voter = new LeaseVoter();
  voter.acknowledge(adopted.version[0]);
  voter.adopt(adopted, [], 0);
  return voter;
}

const renewal = ({ version }: LeaseConfig, admitted: Term = version[0]): LeaseRenewal => ({
  round: 1,
  version,
  admitted,
});

/** A coordinator of the second term to which these have reported a configuration of the first. */
function coordinatorOf(
  known: LeaseConfig,
  reporters: readonly HolderId[],
  members = reporters,
  now = 0,
): LeaseConfiguration {
  const coordinator = new LeaseConfiguration();
  coordinator.members(members, now);
  coordinator.begin(b, second);
  for (const from of reporters) coordinator.onReport(from, known, [], now);
  return coordinator;
}

/** All that get the proposals of one step adopt them. */
function settle(coordinator: LeaseConfiguration, adopters: readonly HolderId[], now = 0): void {
  for (let round = 0; round < 10; round++) {
    const proposals = coordinator.step(now).filter(({ to }) =>
      adopters.some((other) => sameHolder(other, to))
    );
    if (proposals.length === 0) return;
    for (const proposal of proposals) adopt(coordinator, proposal, now);
  }
}

function adopt(coordinator: LeaseConfiguration, { to, config }: LeaseProposal, now: number): void {
  coordinator.onAdopted(to, config.version, [], now);
}

Deno.test("two quorums of a configuration share a voter, and the first of two decides alone", () => {
  const sets = [[a], [a, b], [a, b, c], [a, b, c, d], [a, b, c, d, e]];
  for (const voters of sets) {
    const quorums: number[] = [];
    for (let bits = 0; bits < 2 ** voters.length; bits++) {
      const has = (one: HolderId) => (bits >> voters.indexOf(one) & 1) === 1;
      if (isQuorum(config(voters), has)) quorums.push(bits);
    }
    assert(quorums.length > 0);
    for (const one of quorums) for (const other of quorums) assert((one & other) !== 0);
  }
  assert(isQuorum(config([a, b]), (one) => one === a));
  assert(!isQuorum(config([a, b]), (one) => one === b));
});

Deno.test("a lease counts from the sending of the round, not from its answers", () => {
  const holder = holderOf(config([a, b, c]));
  const { round } = holder.renewals(0, 0)!.renewal;
  holder.onRenewed(a, round, 1_000);
  holder.onRenewed(b, round, 1_100);
  assertEquals(holder.endsAt, leaseDuration);
  assert(holder.holds(leaseDuration - 1));
  assert(!holder.holds(leaseDuration));
});

Deno.test("a voter that does not answer gets every fourth round, and each one once it is heard", () => {
  const holder = holderOf(config([a, b]));
  const asked = (count: number) => {
    let rounds = 0;
    for (let i = 0; i < count; i++) {
      const { to, renewal } = holder.renewals(0, 0)!;
      if (to.includes(b)) rounds++;
      assert(to.includes(a), "who answers gets each round");
      holder.onRenewed(a, renewal.round, 0);
    }
    return rounds;
  };
  assertEquals(asked(8), 8);
  assertEquals(asked(40), 10);
  holder.heard(b.address);
  assertEquals(asked(8), 8);
  assertEquals(asked(40), 10);
  holder.onRenewed(b, 1, 0);
  assertEquals(asked(8), 8, "an answer to any round");
});

Deno.test("a lease needs a quorum, which may come from different rounds", () => {
  const holder = holderOf(config([a, b, c]));
  const one = holder.renewals(0, 0)!.renewal.round;
  const two = holder.renewals(250, 250)!.renewal.round;
  holder.onRenewed(a, two, 260);
  assert(!holder.holds(260));
  holder.onRenewed(b, one, 270);
  assertEquals(holder.endsAt, leaseDuration);
  holder.onRenewed(c, two, 280);
  assertEquals(holder.endsAt, 250 + leaseDuration);
});

Deno.test("a gain of wall time ends the lease, also in small steps, and old rounds with it", () => {
  const holder = holderOf(config([a]));
  const { round } = holder.renewals(0, 0)!.renewal;
  holder.onRenewed(a, round, 0);
  assert(!holder.look(100, 100 + clockJump));
  holder.renewals(250, 250 + clockJump);
  assert(holder.holds(260));
  assert(holder.look(260, 260 + clockJump + 1));
  assert(!holder.holds(260));
  holder.onRenewed(a, round, 270);
  assert(!holder.holds(270));
});

Deno.test("a holder that learns of its exclusion holds no lease, and says so when readmitted", () => {
  const holder = holderOf(config([a]));
  holder.onRenewed(a, holder.renewals(0, 0)!.renewal.round, 0);
  assert(holder.holds(1));
  assert(holder.learn(config([a], 1, first, [x])));
  assert(!holder.holds(1));
  holder.onRenewed(a, holder.renewals(2, 2)!.renewal.round, 2);
  assert(!holder.holds(2));
  assert(holder.learn(config([a], 2)));
  assert(!holder.learn(config([a], 1, first, [x])));
  assertEquals(holder.excludedAt, [first, 1]);
  holder.onRenewed(a, holder.renewals(3, 3)!.renewal.round, 3);
  assert(holder.holds(4));
});

Deno.test("a released lease is not renewed", () => {
  const holder = holderOf(config([a, b]));
  assertEquals(holder.release(), [a, b]);
  assertEquals(holder.renewals(0, 0), undefined);
});

Deno.test("a voter refuses a holder that its configuration excludes", () => {
  const excluding = config([a], 1, first, [x]);
  const answer = voterOf(excluding).renew(x, renewal(excluding), 0, true);
  assertEquals(answer, { type: "refused", round: 1, reason: "excluded", config: excluding });
});

Deno.test("a voter refuses a holder that knows an older configuration, and sends its own", () => {
  const newer = config([a, b], 1);
  const answer = voterOf(newer).renew(x, renewal(config([a])), 0, true);
  assertEquals(answer, { type: "refused", round: 1, reason: "outdatedConfig", config: newer });
  assertEquals(voterOf(newer).renew(x, renewal(newer), 0, false).type, "refused");
});

Deno.test("the first acknowledgement needs admission in the acknowledged term, later ones do not", () => {
  const known = config([a]);
  const voter = voterOf(known);
  assertEquals(voter.renew(x, renewal(known), 0, true).type, "renewed");
  voter.acknowledge(second);
  assertEquals(voter.renew(x, renewal(known), takeoverWait, true).type, "renewed");
  const lapsed = voter.renew(x, renewal(known), 2 * takeoverWait + 1, true);
  assertEquals(lapsed.type === "refused" && lapsed.reason, "notAdmitted");
  const admitted = voter.renew(x, renewal(known, second), 2 * takeoverWait + 1, true);
  assertEquals(admitted.type, "renewed");
  assertEquals(voter.renew(d, renewal(known), 0, true).type, "refused");
});

Deno.test("a holder that others have acknowledged needs admission all the same", () => {
  const known = config([a], 0, second);
  const voter = voterOf(known);
  voter.adopt(known, [{ holder: x, age: 0 }], 0);
  const answer = voter.renew(x, renewal(known, first), 10, true);
  assertEquals(answer.type === "refused" && answer.reason, "notAdmitted");
});

Deno.test("a holder that becomes known when shards are granted already is excluded", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b]);
  settle(coordinator, [a, b]);
  coordinator.activate();
  coordinator.onReport(c, config([a, b, c]), [{ holder: x, age: 0 }, { holder: b, age: 0 }], 0);
  assert(coordinator.isExcluded(x));
  assert(!coordinator.isExcluded(b));
});

Deno.test("voters change only when shards are granted", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c, d]);
  settle(coordinator, [a, b, c, d]);
  coordinator.want([d]);
  assertEquals(coordinator.step(0), []);
  coordinator.activate();
  assertEquals(coordinator.step(0).length, 4);
});

Deno.test("acknowledgements travel with configurations, and become no younger", () => {
  const voter = voterOf(config([a]));
  assert(voter.adopt(config([a], 1), [{ holder: x, age: 500 }], 1_000));
  assertEquals(voter.holders(1_200), [{ holder: x, age: 700 }]);
  assert(voter.adopt(config([a], 1), [{ holder: x, age: 900 }], 1_200));
  assertEquals(voter.holders(1_200), [{ holder: x, age: 700 }]);
  assertEquals(voter.holders(500 + takeoverWait + 1), []);
});

Deno.test("a voter adopts only configurations of the term that it has acknowledged", () => {
  const voter = voterOf(config([a]));
  voter.acknowledge(second);
  assert(!voter.adopt(config([b], 5), [], 0));
  assert(voter.adopt(config([b], 0, second), [], 0));
  assertEquals(voter.adopted?.voters, [b]);
});

Deno.test("voters change by a joint step, which needs quorums of both sets", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c, d, e]);
  settle(coordinator, [a, b, c, d, e]);
  coordinator.want([d, e]);
  assertEquals(coordinator.step(0), []);
  coordinator.activate();
  const proposals = coordinator.step(0);
  assertEquals(coordinator.proposed?.previous, [a, b, c]);
  for (const proposal of proposals) {
    if (proposal.to !== a && proposal.to !== b) adopt(coordinator, proposal, 0);
  }
  coordinator.step(0);
  assertEquals(coordinator.proposed?.previous, [a, b, c]);
  for (const proposal of proposals) if (proposal.to === a) adopt(coordinator, proposal, 0);
  coordinator.step(0);
  assertEquals(coordinator.proposed?.previous, undefined);
  assertEquals(coordinator.proposed?.voters, [d, e]);
  assert(!coordinator.idle);
  settle(coordinator, [d, e], defaultLeaseTiming.retryInterval);
  assert(coordinator.idle);
});

Deno.test("an excluded holder has ended when its last acknowledgement is old enough", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c]);
  coordinator.onReport(a, config([a, b, c]), [{ holder: x, age: 400 }], 1_000);
  settle(coordinator, [a, b], 1_000);
  coordinator.exclude(x);
  assert(!coordinator.hasEnded(x, 60_000));
  const proposals = coordinator.step(1_000);
  for (const { to, config } of proposals) {
    if (to !== c) {
      coordinator.onAdopted(to, config.version, [{ holder: x, age: to === a ? 300 : 100 }], 1_200);
    }
  }
  coordinator.step(1_200);
  assertEquals(coordinator.nextDeadline(1_200), 1_250); // c has not answered.
  assert(!coordinator.hasEnded(x, 1_100 + takeoverWait - 1));
  assert(coordinator.hasEnded(x, 1_100 + takeoverWait));
  coordinator.onAdopted(a, proposals[0]!.config.version, [{ holder: x, age: 0 }], 9_000);
  assert(coordinator.hasEnded(x, 9_000));
});

Deno.test("what nobody has acknowledged lately has ended when its exclusion is committed", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c]);
  coordinator.exclude(x);
  settle(coordinator, [a, c]);
  assert(coordinator.established);
  assert(coordinator.hasEnded(x, 0));
});

Deno.test("a coordinator begins when a quorum has reported, with the newest configuration", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [c], [a, b, c]);
  assertEquals(coordinator.step(0), []);
  assertEquals(coordinator.missingVotes(), [a, b]);
  coordinator.onReport(b, config([a, b, c], 7, first, [x]), [], 0);
  coordinator.step(0);
  assertEquals(coordinator.proposed, config([a, b, c], 0, second, [x]));
  assert(coordinator.wasExcludedBefore(x));
  assert(!coordinator.established);
  settle(coordinator, [b, c], defaultLeaseTiming.retryInterval);
  assert(coordinator.established);
});

Deno.test("a majority of dead voters is replaced when every living member has reported", () => {
  const known = config([c, d, e, a, b]);
  const coordinator = new LeaseConfiguration();
  coordinator.members([a, b, c, d, e, x], 0);
  coordinator.members([a, b, id("c", 2), id("d", 2), id("e", 2), x], lostVoterWait);
  coordinator.begin(b, second);
  for (const from of [a, b, id("c", 2), id("d", 2), id("e", 2)]) {
    coordinator.onReport(from, known, [], lostVoterWait);
  }
  const ended = lostVoterWait + takeoverWait;
  // x may know a newer configuration, whose other adopters are dead.
  assertEquals(coordinator.step(ended), []);
  coordinator.onReport(x, known, [], lostVoterWait);
  assertEquals(coordinator.step(ended - 1), []);
  assertEquals(coordinator.nextDeadline(ended - 1), ended);
  assertEquals(coordinator.step(ended).length, 6);
});

Deno.test("live holders that have not reported are awaited until they end", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b]);
  coordinator.onReport(a, config([a, b, c]), [{ holder: x, age: 0 }, { holder: b, age: 0 }], 0);
  settle(coordinator, [a, b]);
  assertEquals(coordinator.unaccounted(0), [x]);
  assertEquals(coordinator.unaccounted(60_000), [x]);
  coordinator.exclude(x);
  settle(coordinator, [a, b]);
  assertEquals(coordinator.unaccounted(takeoverWait - 1), [x]);
  assertEquals(coordinator.unaccounted(takeoverWait), []);
});

Deno.test("conflicts delay readmission", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c]);
  settle(coordinator, [a, b, c]);
  coordinator.exclude(x);
  settle(coordinator, [a, b, c]);
  assert(!coordinator.readmit(x, coordinator.version, true));
  assert(coordinator.isExcluded(x));
  assert(coordinator.readmit(x, coordinator.version, false));
  assert(!coordinator.isExcluded(x));
  assert(!coordinator.hasEnded(x, 60_000));
});

Deno.test("a report from before an exclusion does not end it", () => {
  const coordinator = coordinatorOf(config([a, b, c]), [a, b, c]);
  settle(coordinator, [a, b, c]);
  const before = coordinator.version;
  coordinator.exclude(x);
  assert(!coordinator.readmit(x, before, false));
  assert(coordinator.readmit(x, coordinator.excludedSince(x), false));
});

Deno.test("a new term forgets excluded holders that are members no more", () => {
  const coordinator = coordinatorOf(config([a, b, c], 3, first, [x, d, e]), [a, b, c], [
    a,
    b,
    c,
    d,
  ]);
  coordinator.onReport(a, config([a, b, c]), [{ holder: e, age: 10 }], 0);
  settle(coordinator, [a, b, c]);
  assertEquals(coordinator.committed?.excluded, [d, e]);
  // A coordinator that waits for their leases need not wait any more.
  assertEquals([x, d, e].map((id) => coordinator.hasEnded(id, 0)), [true, true, false]);
});

Deno.test("only the founder makes the first configuration at once", () => {
  const founder = new LeaseConfiguration();
  founder.members([a, b], 0);
  founder.begin(a, first);
  founder.onReport(a, undefined, [], 0);
  assertEquals(founder.step(0), []);
  founder.found(true);
  assertEquals(founder.step(0).map(({ to }) => to), [a]);
  const other = new LeaseConfiguration();
  other.members([a, b], 0);
  other.begin(b, second);
  other.found(false);
  other.onReport(b, undefined, [], 0);
  assertEquals(other.step(lostVoterWait), []);
  other.onReport(a, undefined, [], 0);
  assertEquals(other.step(lostVoterWait - 1), []);
  assertEquals(other.step(lostVoterWait).length, 2);
});

/** Whether a shard is free on a fast clock before the lease ends on a slow one. */
function overlaps(takeoverWait: number, hiddenSuspension: number): boolean {
  const slow = 1 - maxClockDrift;
  const fast = 1 + maxClockDrift;
  const timing = { ...defaultLeaseTiming, takeoverWait };
  const holder = new LeaseHolder(x, timing);
  holder.learn(config([a]));
  holder.admit(first);
  holder.onRenewed(a, holder.renewals(0, 0)!.renewal.round, 0);
  const coordinator = new LeaseConfiguration(timing);
  coordinator.members([a], 0);
  coordinator.begin(a, second);
  coordinator.onReport(a, config([a]), [{ holder: x, age: 0 }], 0);
  coordinator.exclude(x);
  for (const proposal of coordinator.step(0)) adopt(coordinator, proposal, 0);
  coordinator.step(0);
  for (let time = 1_400; time < 1_700; time += 0.01) {
    const now = (time - hiddenSuspension) * slow;
    const isLive = holder.holds(now);
    if (coordinator.hasEnded(x, time * fast)) return isLive;
  }
  throw new Error("the lease did not end");
}

Deno.test("the takeover wait is as long as clocks and suspensions need, and not less", () => {
  const bound = leaseDuration * (1 + maxClockDrift) / (1 - maxClockDrift);
  assert(overlaps(bound - 0.1, 0));
  assert(!overlaps(bound + 0.1, 0));
  const withSuspension = bound + clockJump * (1 + maxClockDrift);
  assert(overlaps(withSuspension - 0.1, clockJump));
  assert(!overlaps(withSuspension + 0.1, clockJump));
  assert(takeoverWait > withSuspension);
});
