import { senderOf } from "../../actor/ref/message_sender.ts";
import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { Receptionist } from "../../actor/services/receptionist.ts";
import { isAlive } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { MemberGate } from "./member_gate.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Timer } from "../../runtime/clock.ts";
import { ServiceExchange, servicesPath } from "./service_exchange.ts";
import type { TopologyService } from "../gateway/topology.ts";

/** Milliseconds between two comparisons with the other members. */
const tickInterval = 5_000;
/** Minimum milliseconds between two announcements of this node's services. */
const announceInterval = 100;

/**
 * The services of a cluster as one node knows them: drives a {@linkcode ServiceExchange} and passes
 * the services of other nodes to the receptionist.
 */
export class ClusterServices {
  readonly #exchange: ServiceExchange;
  readonly #runtime: Runtime;
  readonly #self: string;
  readonly #receptionist: Receptionist;
  #timer: Timer | undefined;
  #announcement: Timer | undefined;
  #announcedAt = -Infinity;
  #updating = false;
  #stopped = false;

  /** Listens to the receptionist of the system; `onChange` is called when the services change. */
  constructor(
    system: ActorSystem,
    remoting: Remoting,
    memberGate: MemberGate,
    runtime: Runtime,
    onChange: () => void,
  ) {
    const { receptionist } = system;
    this.#runtime = runtime;
    this.#self = remoting.address;
    this.#receptionist = receptionist;
    this.#exchange = new ServiceExchange({
      self: remoting.address,
      local: () => receptionist.listings(),
      send: (to, message) => remoting.send(to, servicesPath, 0, message),
      changed: () => {
        this.#updateReceptionist();
        onChange();
      },
    });
    receptionist.observe(() => this.#onLocalChange());
    remoting.exportWhere((path, peer) => receptionist.offersTo(senderOf(peer), path));
    remoting.handleNodes(servicesPath, (peer, value) => {
      memberGate.pass(peer.address, servicesPath, value, () => this.#exchange.receive(peer, value));
    });
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
    this.#exchange.onMembers(incarnations, unreachable);
  }

  /** Ends all announcements. */
  stop(): void {
    this.#stopped = true;
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
