import {
  compareVersions,
  type HolderId,
  holderKey,
  type LeaseConfig,
  sameHolder,
} from "../../../lib/sharding/lease/lease_config.ts";
import { LeaseHolder } from "../../../lib/sharding/lease/lease_holder.ts";
import { LeaseVoter } from "../../../lib/sharding/lease/lease_voter.ts";
import {
  compareTerms,
  isOutdated,
  noTerm,
  sameTerm,
  type Term,
} from "../../../lib/sharding/routing/term.ts";
import { LeaseCoordinator } from "./lease_coordinator.ts";
import type { LeaseMessage } from "./lease_message.ts";
import type { LeaseWorld } from "./lease_world.ts";

/** What a node knows about a member. */
interface ViewEntry {
  readonly id: HolderId;
  upNumber: number;
}

/** A clock that runs at its own rate, and stands still while its machine is suspended. */
class NodeClock {
  readonly rate: number;
  readonly #offset: number;
  #lost = 0;
  suspendedAt: number | undefined;

  constructor(rate: number, offset: number) {
    this.rate = rate;
    this.#offset = offset;
  }

  at(time: number): number {
    return this.#offset + this.rate * ((this.suspendedAt ?? time) - this.#lost);
  }

  resume(time: number): void {
    if (this.suspendedAt !== undefined) this.#lost += time - this.suspendedAt;
    this.suspendedAt = undefined;
  }
}

/** One incarnation of a node of the model: voter, holder, owner of shards, and maybe coordinator. */
export class LeaseNode {
  readonly world: LeaseWorld;
  readonly id: HolderId;
  readonly clock: NodeClock;
  readonly voter: LeaseVoter;
  readonly holder: LeaseHolder;
  readonly coordinator: LeaseCoordinator;
  readonly shards = new Map<number, number>();
  readonly #fences = new Map<number, number>();
  readonly view = new Map<string, ViewEntry>();
  /** Incarnations that are members no more. */
  readonly removed = new Set<string>();
  alive = true;
  /** It has been removed, and ends soon. */
  doomed = false;
  /** Stands still, though time goes on: until when. */
  pausedUntil = 0;
  /** Its machine was suspended, and it has not run since: before anything else it looks. */
  mustLook = false;
  readonly backlog: (() => void)[] = [];
  retiring = false;
  founderGoneSince = Infinity;
  usurpsUntil = 0;
  #acknowledged: Term = noTerm;
  #stamp = 0;
  #renewedAt = -Infinity;
  #reportedAt = -Infinity;
  #wakeAt = Infinity;

  constructor(world: LeaseWorld, id: HolderId, rate: number, offset: number) {
    this.world = world;
    this.id = id;
    this.clock = new NodeClock(rate, offset);
    this.voter = new LeaseVoter(world.timing);
    this.holder = new LeaseHolder(id, world.timing);
    this.coordinator = new LeaseCoordinator(this);
  }

  get now(): number {
    return this.clock.at(this.world.time);
  }

  /** Wall clocks have the right rate, and any offset. */
  get wallTime(): number {
    return this.world.time + 1e9;
  }

  /** Runs owned shards now. */
  get runs(): boolean {
    return this.alive && !this.mustLook && this.holder.holds(this.now);
  }

  /** A full member, by its own view. */
  get isUp(): boolean {
    return (this.view.get(this.id.address)?.upNumber ?? 0) > 0;
  }

  isMember(id: HolderId): boolean {
    const entry = this.view.get(id.address);
    return entry !== undefined && sameHolder(entry.id, id);
  }

  members(): HolderId[] {
    return [...this.view.values()].map(({ id }) => id);
  }

  /** Full members, the oldest first. */
  upMembers(): HolderId[] {
    return [...this.view.values()].filter(({ upNumber }) => upNumber > 0)
      .sort((a, b) => a.upNumber - b.upNumber).map(({ id }) => id);
  }

  addMember(id: HolderId, upNumber: number): void {
    if (this.removed.has(holderKey(id))) return;
    const known = this.view.get(id.address);
    if (known !== undefined && known.id.incarnation > id.incarnation) return;
    if (known !== undefined && known.id.incarnation < id.incarnation) this.#gone(known.id);
    if (known !== undefined && sameHolder(known.id, id)) {
      known.upNumber = Math.max(known.upNumber, upNumber);
    } else this.view.set(id.address, { id, upNumber });
    this.onView();
  }

  removeMember(id: HolderId): void {
    if (this.isMember(id)) this.view.delete(id.address);
    this.#gone(id);
    this.onView();
  }

  #gone(id: HolderId): void {
    this.removed.add(holderKey(id));
    if (this.world.isFounder(id) && this.founderGoneSince === Infinity) {
      this.founderGoneSince = this.now;
    }
  }

  onView(): void {
    this.coordinator.config.members(this.members(), this.now);
    this.#chooseLeader();
  }

  get leader(): HolderId | undefined {
    if (!this.world.calm && this.world.time < this.usurpsUntil) return this.id;
    return this.upMembers().find((id) => sameHolder(id, this.id) || this.world.reaches(this, id));
  }

  #chooseLeader(): void {
    const { leader } = this;
    this.coordinator.lead(leader !== undefined && sameHolder(leader, this.id));
  }

  send(to: HolderId, message: LeaseMessage): void {
    this.world.send(this, to, message);
  }

  wakeAt(deadline: number): void {
    if (deadline >= this.#wakeAt) return;
    this.#wakeAt = deadline;
    const at = this.world.time + Math.max(0, deadline - this.now) / this.clock.rate + 1e-6;
    this.world.run(this, at, () => {
      this.#wakeAt = Infinity;
      this.coordinator.step();
    });
  }

  tick(): void {
    this.#chooseLeader();
    if (this.now - this.#renewedAt >= this.world.timing.renewInterval) this.#renew();
    if (this.now - this.#reportedAt >= 500) this.report();
    this.coordinator.tick();
    this.#maybeLeave();
  }

  #renew(): void {
    this.#renewedAt = this.now;
    const round = this.holder.renewals(this.now, this.wallTime);
    if (round === undefined) return;
    for (const to of round.to) this.send(to, { type: "renew", renewal: round.renewal });
  }

  report(): void {
    const { leader } = this;
    if (leader !== undefined) this.#reportTo(leader);
  }

  #reportTo(to: HolderId): void {
    this.#reportedAt = this.now;
    this.send(to, {
      type: "report",
      term: this.#acknowledged,
      stamp: ++this.#stamp,
      config: this.voter.adopted,
      holders: this.voter.holders(this.now),
      admitted: this.holder.admitted,
      retiring: this.retiring,
      claims: [...this.shards],
    });
  }

  #maybeLeave(): void {
    if (!this.retiring || this.shards.size > 0) return;
    if (this.world.lasting().every((node) => node === this)) {
      this.retiring = false;
      return;
    }
    const { config } = this.holder;
    const votes = [...config?.voters ?? [], ...config?.previous ?? []];
    if (votes.some((id) => sameHolder(id, this.id)) && this.view.size > 1) return;
    for (const to of this.holder.release()) this.send(to, { type: "release" });
    this.world.remove(this, true);
  }

  receive(from: HolderId, message: LeaseMessage): void {
    switch (message.type) {
      case "requestReport":
        this.#learn(message.config);
        if (isOutdated(message.term, this.#acknowledged)) {
          return this.send(from, { type: "outdatedTerm", term: this.#acknowledged });
        }
        this.#acknowledged = message.term;
        this.voter.acknowledge(message.term);
        return this.#reportTo(from);
      case "adopt":
        this.#learn(message.config);
        if (!this.voter.adopt(message.config, message.holders, this.now)) return;
        return this.send(from, {
          type: "adopted",
          version: message.config.version,
          holders: this.voter.holders(this.now),
        });
      case "admit":
        this.#learn(message.config);
        this.holder.admit(message.term);
        return;
      case "renew": {
        const { renewal } = message;
        const answer = this.voter.renew(from, renewal, this.now, this.isMember(from));
        return this.send(from, { type: "answer", answer });
      }
      case "answer": {
        const { answer } = message;
        this.holder.heard(from.address);
        if (answer.type === "renewed") this.holder.onRenewed(from, answer.round, this.now);
        else this.#learn(answer.config);
        return;
      }
      case "release":
        return this.voter.release(from, this.now);
      case "start":
        return this.#onStart(from, message);
      case "handOff":
        return this.#onHandOff(from, message);
      case "report":
        return this.coordinator.onReport(from, message);
      case "outdatedTerm":
        return this.coordinator.onOutdated(message.term);
      case "adopted":
        return this.coordinator.onAdopted(from, message);
      case "started":
        return this.coordinator.onStarted(from, message.shard, message.epoch, message.stamp);
      case "stopped":
        return this.coordinator.onStopped(from, message.shard, message.epoch, message.stamp);
    }
  }

  /** Its term is acknowledged, too: no earlier coordinator can give this node a lease any more. */
  #learn(config: LeaseConfig | undefined): void {
    if (config === undefined) return;
    this.holder.learn(config);
    const [term] = config.version;
    if (compareTerms(term, this.#acknowledged) <= 0) return;
    this.#acknowledged = term;
    this.voter.acknowledge(term);
  }

  #onStart(from: HolderId, message: LeaseMessage & { type: "start" }): void {
    const { shard, epoch, version } = message;
    if (!sameTerm(message.term, this.#acknowledged)) return;
    const { excludedAt } = this.holder;
    const isOld = excludedAt !== undefined && compareVersions(version, excludedAt) < 0;
    if (isOld && this.world.rules.grantsNameVersions) return;
    if (epoch <= (this.#fences.get(shard) ?? 0)) return this.#stopped(from, shard, epoch);
    const held = this.shards.get(shard) ?? 0;
    if (epoch > held) this.shards.set(shard, epoch);
    if (epoch < held) return;
    this.send(from, { type: "started", stamp: ++this.#stamp, shard, epoch });
  }

  #onHandOff(from: HolderId, message: LeaseMessage & { type: "handOff" }): void {
    const { shard, epoch } = message;
    if (!sameTerm(message.term, this.#acknowledged)) return;
    const held = this.shards.get(shard) ?? 0;
    if (held > epoch) return;
    this.shards.delete(shard);
    this.#fences.set(shard, Math.max(epoch, this.#fences.get(shard) ?? 0));
    this.#stopped(from, shard, epoch);
  }

  #stopped(to: HolderId, shard: number, epoch: number): void {
    this.send(to, { type: "stopped", stamp: ++this.#stamp, shard, epoch });
  }

  /** The newest term that this node has promised. */
  get acknowledged(): Term {
    return this.#acknowledged;
  }

  /** Whether it coordinates a term, or has adopted a configuration of it or of a later one. */
  isBoundBy(term: Term): boolean {
    const { adopted } = this.voter;
    return sameTerm(this.coordinator.term, term) ||
      (adopted !== undefined && compareTerms(adopted.version[0], term) >= 0);
  }

  hasAdopted(version: readonly [Term, number]): boolean {
    const { adopted } = this.voter;
    return adopted !== undefined && compareVersions(adopted.version, version) >= 0 &&
      compareTerms(adopted.version[0], version[0]) === 0;
  }
}
