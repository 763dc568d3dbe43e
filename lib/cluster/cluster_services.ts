import type { ActorSystem } from "../actor/actor_system.ts";
import type { Remoting } from "../remoting/remoting.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Timer } from "../runtime/clock.ts";
import { ServiceExchange, servicesPath } from "./service_exchange.ts";
import type { TopologyService } from "./topology.ts";

/** Milliseconds between two comparisons with the other members. */
const tickInterval = 5_000;

/** What the actors of a cluster offer, as one node knows it: carries a {@linkcode ServiceExchange}. */
export class ClusterServices {
  readonly #exchange: ServiceExchange;
  readonly #runtime: Runtime;
  readonly #self: string;
  #timer: Timer | undefined;
  #told = false;

  /** Listens to the receptionist of the system; `onChange` is called when the services change. */
  constructor(system: ActorSystem, remoting: Remoting, runtime: Runtime, onChange: () => void) {
    const { receptionist } = system;
    this.#runtime = runtime;
    this.#self = remoting.address;
    this.#exchange = new ServiceExchange({
      local: () => receptionist.listings(),
      send: (to, news) => remoting.send(to, servicesPath, 0, news),
      changed: onChange,
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

  /** The members, this node among them or not. */
  onMembers(members: readonly string[]): void {
    this.#exchange.onMembers(new Set(members.filter((address) => address !== this.#self)));
  }

  /** Says nothing more. */
  stop(): void {
    this.#timer?.cancel();
  }

  /** What changes in one turn is told once. */
  #onLocalChange(): void {
    if (this.#told) return;
    this.#told = true;
    this.#runtime.clock.defer(() => {
      this.#told = false;
      this.#exchange.onLocalChange();
    });
  }

  #scheduleTick(): void {
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      this.#exchange.tick();
      this.#scheduleTick();
    });
  }
}
