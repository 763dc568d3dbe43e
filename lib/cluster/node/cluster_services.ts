import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { Receptionist } from "../../actor/services/receptionist.ts";
import { isAlive } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Timer } from "../../runtime/clock.ts";
import { ServiceExchange, servicesPath } from "./service_exchange.ts";
import type { TopologyService } from "../gateway/topology.ts";

/** Milliseconds between two comparisons with the other members. */
const tickInterval = 5_000;
/** Milliseconds between two tellings of what this node's actors offer. */
const tellInterval = 100;

/**
 * What the actors of a cluster offer, as one node knows it: carries a {@linkcode ServiceExchange},
 * and shows the receptionist of the node what the others offer.
 */
export class ClusterServices {
  readonly #exchange: ServiceExchange;
  readonly #runtime: Runtime;
  readonly #self: string;
  readonly #receptionist: Receptionist;
  #timer: Timer | undefined;
  #telling: Timer | undefined;
  #toldAt = -Infinity;
  #showing = false;
  #stopped = false;

  /** Listens to the receptionist of the system; `onChange` is called when the services change. */
  constructor(system: ActorSystem, remoting: Remoting, runtime: Runtime, onChange: () => void) {
    const { receptionist } = system;
    this.#runtime = runtime;
    this.#self = remoting.address;
    this.#receptionist = receptionist;
    this.#exchange = new ServiceExchange({
      self: remoting.address,
      local: () => receptionist.listings(),
      send: (to, news) => remoting.send(to, servicesPath, 0, news),
      changed: () => {
        this.#show();
        onChange();
      },
    });
    receptionist.observe(() => this.#onLocalChange());
    remoting.exportWhere((path) => receptionist.offers(path));
    remoting.handleNodes(servicesPath, (peer, value) => this.#exchange.receive(peer, value));
    this.#scheduleTick();
  }

  /** What actors of all members offer; the same array until it changes. */
  all(): readonly TopologyService[] {
    return this.#exchange.services();
  }

  /** The cluster has changed. A node that is no member knows nothing of the others. */
  onView({ members, unreachable, self }: MembershipView): void {
    const others = isAlive(self)
      ? members.filter((member) => isAlive(member) && member.address !== this.#self)
      : [];
    const lives = new Map(others.map(({ address, incarnation }) => [address, incarnation]));
    this.#exchange.onMembers(lives, unreachable);
  }

  /** Says nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#telling?.cancel();
  }

  /** The first change is told at once; those that follow soon after it, together. */
  #onLocalChange(): void {
    if (this.#telling !== undefined || this.#stopped) return;
    const { clock } = this.#runtime;
    const delay = Math.max(0, this.#toldAt + tellInterval - clock.now());
    this.#telling = clock.schedule(delay, () => {
      this.#telling = undefined;
      this.#toldAt = clock.now();
      this.#exchange.onLocalChange();
    });
  }

  /** What changes in one turn is shown once. */
  #show(): void {
    if (this.#showing) return;
    this.#showing = true;
    this.#runtime.clock.defer(() => {
      this.#showing = false;
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
