/**
 * How unreachable members become down. See `downing.ts` for the decision itself.
 *
 * @module
 */
import { beDowned, commit } from "./commit.ts";
import { keepMajority, stableAfter } from "./downing.ts";
import { withMember } from "./gossip_state.ts";
import { tellAll } from "./gossiping.ts";
import { log, type Machine, selfAddress } from "./machine.ts";
import { type DownEvidence, isAlive, isLeaving, type Member } from "./member.ts";
import { fieldLimits } from "./message_fields.ts";
import { observersAgainst } from "./reachability.ts";

/** How many others hear directly from a node that downs itself. */
const farewells = 10;

/** Decides when the same members have been unreachable for long enough. */
export function resolvingTick(m: Machine, now: number): void {
  const { view, watching, config } = m;
  // Those that go, and those that were deaf themselves, do not judge others.
  if (view.unreachable.size === 0 || isLeaving(view.self) || now < watching.abstainUntil) return;
  const living = view.members.filter(isAlive);
  const wait = config.stableAfter ?? stableAfter(living.length);
  if (now - watching.stableSince < wait) return;
  const { outcome, why } = keepMajority(view.members, view.unreachable, selfAddress(m));
  switch (outcome) {
    case "keep":
      return;
    case "downSelf":
      return downSelf(m, `${why} for ${wait} ms`, now);
    case "downUnreachable":
      // The others come to the same answer and leave it to the leader, who waits until they know
      // what it knows: one of them may be about to leave and have no vote any more.
      if (view.leader === selfAddress(m) && view.converged) {
        downUnreachable(m, `${why} for ${wait} ms`, now);
      }
  }
}

function downUnreachable(m: Machine, why: string, now: number): void {
  const { unreachable, members } = m.view;
  const targets = members.filter((member) => isAlive(member) && unreachable.has(member.address));
  let state = m.state;
  for (const member of targets) {
    const evidence: DownEvidence = {
      by: selfAddress(m),
      why: `unreachable; ${why}`,
      observers: observersAgainst(state, member.address).slice(0, fieldLimits.observers),
    };
    state = withMember(state, down(member, evidence));
    log(m, "warn", "a member is declared down", { address: member.address, why: evidence.why });
  }
  // They may hear although they cannot be heard; soon nobody will gossip with them any more.
  tellAll(m, targets.map(({ address }) => address), now, state);
  commit(m, state, now);
  m.gossip.nextAt = now;
}

function downSelf(m: Machine, why: string, now: number): void {
  const { members, self } = m.view;
  const evidence: DownEvidence = {
    by: self.address,
    why,
    observers: [...m.view.unreachable].sort().slice(0, fieldLimits.observers),
  };
  const others = members.filter((member) => member !== self && isAlive(member))
    .map(({ address }) => address);
  tellAll(m, others.slice(0, farewells), now, withMember(m.state, down(self, evidence)));
  beDowned(m, evidence);
}

function down(member: Member, evidence: DownEvidence): Member {
  return { ...member, status: "down", evidence };
}
