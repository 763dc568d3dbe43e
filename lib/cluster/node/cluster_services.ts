import { localActorOf } from "../../actor/ref/local_ref.ts";
import { senderOf } from "../../actor/ref/message_sender.ts";
import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { Receptionist } from "../../actor/services/receptionist.ts";
import { isAlive, isLeaving } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Timer } from "../../runtime/clock.ts";
import type { NodePeer, Peer } from "../../transport/base/peer.ts";
import type { TopologyService } from "../gateway/topology.ts";
import { parseWithdrawal, withdrawalPath } from "../../remoting/withdrawal_protocol.ts";
import { ServiceExchange, servicesPath } from "./service_exchange.ts";
import { ServiceWithdrawal } from "./service_withdrawal.ts";

/** Milliseconds between two comparisons with the other members. */
const tickInterval = 5_000;
/** Minimum milliseconds between two announcements of this node's services. */
const announceInterval = 100;
/** Milliseconds that clients have to confirm that they ask a node which leaves no more. */
const confirmTimeout = 1_000;
/** Milliseconds between two checks whether the services of a leaving node have work. */
const settleInterval = 20;

const none: readonly TopologyService[] = [];

/** Dependencies of {@linkcode ClusterServices}. */
export interface ClusterServicesPort {
  readonly system: ActorSystem;
  readonly remoting: Remoting;
  readonly runtime: Runtime;
  /** The services of the cluster have changed. */
  changed(): void;
  /**
   * Calls back when the clients of this node use what it knows now. Returns a function that cancels
   * that.
   */
  whenConfirmed(callback: () => void): () => void;
}

/**
 * The services of a cluster as one node knows them: drives a {@linkcode ServiceExchange}, passes the
 * services of other nodes to the receptionist, and withdraws those of this node when it leaves.
 */
export class ClusterServices {
  readonly #port: ClusterServicesPort;
  readonly #exchange: ServiceExchange;
  readonly #runtime: Runtime;
  readonly #self: string;
  readonly #receptionist: Receptionist;
  #timer: Timer | undefined;
  #announcement: Timer | undefined;
  #announcedAt = -Infinity;
  #updating = false;
  /** Reachable other members. */
  #reachable: readonly string[] = [];
  /** This node leaves. */
  #withdrawal: ServiceWithdrawal | undefined;
  /** Members that leave, and are answered as soon as the clients have confirmed that. */
  readonly #answering = new Set<string>();
  #stopped = false;

  /** Listens to the receptionist of the system. */
  constructor(port: ClusterServicesPort) {
    const { system: { receptionist }, remoting, runtime } = port;
    this.#port = port;
    this.#runtime = runtime;
    this.#self = remoting.address;
    this.#receptionist = receptionist;
    this.#exchange = new ServiceExchange({
      self: remoting.address,
      local: () => this.#withdrawal === undefined ? receptionist.listings() : none,
      send: (to, message) => remoting.send(to, servicesPath, 0, message),
      changed: () => {
        this.#updateReceptionist();
        port.changed();
      },
    });
    receptionist.observe(() => this.#onLocalChange());
    remoting.exportWhere((path, peer) => receptionist.offersTo(senderOf(peer), path));
    remoting.handleNodes(servicesPath, (peer, value) => this.#exchange.receive(peer, value));
    remoting.handlePeers(withdrawalPath, (peer, value) => this.#onWithdrawal(peer, value));
    this.#scheduleTick();
  }

  /** Services of the actors of all members; the same array until they change. */
  all(): readonly TopologyService[] {
    return this.#exchange.services();
  }

  /** The view has changed. A node that is no member has no peers. */
  onView({ members, unreachable, self }: MembershipView): void {
    const others = isAlive(self)
      ? members.filter((member) => isAlive(member) && member.address !== this.#self)
      : [];
    const incarnations = new Map(others.map(({ address, incarnation }) => [address, incarnation]));
    const leaving = new Set(others.filter(isLeaving).map(({ address }) => address));
    this.#reachable = [...incarnations.keys()].filter((address) => !unreachable.has(address));
    this.#exchange.onMembers(incarnations, unreachable, leaving);
  }

  /**
   * This node leaves: others list its services no more and have sent their last messages to them, and
   * its services have done what they were asked. Resolves then, or after `timeout` milliseconds.
   */
  async withdraw(timeout: number): Promise<void> {
    const { clock } = this.#runtime;
    const end = clock.now() + timeout;
    const { remoting } = this.#port;
    this.#withdrawal = new ServiceWithdrawal({
      clock,
      peers: () => [...this.#reachable, ...remoting.clients()],
      send: (to, message) => remoting.send(to, withdrawalPath, 0, message),
    });
    if (this.#receptionist.listings().length === 0) return;
    this.#exchange.onLocalChange();
    await this.#withdrawal.run(timeout);
    while (!this.#stopped && clock.now() < end && this.#isBusy()) {
      await new Promise<void>((resolve) => clock.schedule(settleInterval, () => resolve()));
    }
  }

  /** Whether an actor that offers a service here has something to do. */
  #isBusy(): boolean {
    for (const { refs } of this.#receptionist.listings()) {
      if (refs.some((ref) => localActorOf(ref)?.isBusy(false))) return true;
    }
    return false;
  }

  #onWithdrawal(peer: Peer, value: unknown): void {
    const message = parseWithdrawal(value);
    if (message?.type === "withdrawn") this.#withdrawal?.onWithdrawn(peer.address);
    if (message?.type !== "withdraw" || peer.role !== "node") return;
    if (this.#exchange.withdraw(peer)) this.#answer(peer);
  }

  /** Answers a member that leaves, when nothing more is sent to its services from here. */
  #answer({ address }: NodePeer): void {
    if (this.#answering.has(address)) return;
    this.#answering.add(address);
    const { clock } = this.#runtime;
    const { remoting, whenConfirmed } = this.#port;
    // The receptionist is told in a task that was deferred before.
    clock.defer(() => {
      let cancel = (): void => {};
      const answer = () => {
        timer.cancel();
        cancel();
        this.#answering.delete(address);
        if (!this.#stopped) remoting.send(address, withdrawalPath, 0, { type: "withdrawn" });
      };
      const timer = clock.schedule(confirmTimeout, answer);
      cancel = whenConfirmed(answer);
    });
  }

  /** Ends all announcements. */
  stop(): void {
    this.#stopped = true;
    this.#withdrawal?.stop();
    this.#timer?.cancel();
    this.#announcement?.cancel();
  }

  /** Announces the first change at once, and changes within the interval together. */
  #onLocalChange(): void {
    if (this.#announcement !== undefined || this.#stopped) return;
    const { clock } = this.#runtime;
    const delay = Math.max(0, this.#announcedAt + announceInterval - clock.now());
    this.#announcement = clock.schedule(delay, () => {
      this.#announcement = undefined;
      this.#announcedAt = clock.now();
      this.#exchange.onLocalChange();
    });
  }

  /** Updates the receptionist once per turn. */
  #updateReceptionist(): void {
    if (this.#updating) return;
    this.#updating = true;
    this.#runtime.clock.defer(() => {
      this.#updating = false;
      if (!this.#stopped) this.#receptionist.setRemote(this.#exchange.remote());
    });
  }

  #scheduleTick(): void {
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      this.#exchange.tick();
      this.#scheduleTick();
    });
  }
}
