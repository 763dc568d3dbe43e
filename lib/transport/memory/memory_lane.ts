import type { Clock, Timer } from "../../runtime/clock.ts";

/** Something that travels along a lane. */
interface InFlight {
  /** Earliest moment of arrival, on the clock. */
  due: number;
  readonly arrive: () => void;
}

/** Functions of the network that a lane needs. */
export interface LaneConditions {
  readonly clock: Clock;
  /** Milliseconds that the next parcel travels. */
  latency(from: string, to: string): number;
  /** Whether the direction from `from` to `to` is cut. */
  isCut(from: string, to: string): boolean;
  /** Calls `retry` when a cut has been healed. */
  onHeal(retry: () => void): void;
  /** Delivers an arrival to the host `to`, at once or when it runs. */
  enter(to: string, take: () => void): void;
}

/**
 * One direction of a connection: bytes arrive in order after some latency. Behind a cut parcels
 * wait, as TCP would send them again until they get through.
 */
export class MemoryLane {
  readonly #conditions: LaneConditions;
  readonly #from: string;
  readonly #to: string;
  readonly #parcels: InFlight[] = [];
  #last = 0;
  #timer: Timer | undefined;
  #cut = false;

  constructor(conditions: LaneConditions, from: string, to: string) {
    this.#conditions = conditions;
    this.#from = from;
    this.#to = to;
  }

  /** Calls `arrive` when the parcel is there. */
  send(arrive: () => void): void {
    this.#parcels.push({ due: this.#arrival(), arrive });
    this.#wait();
  }

  /** Loses everything that is under way. */
  drop(): void {
    this.#parcels.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arrival(): number {
    const { clock, latency } = this.#conditions;
    // A later parcel with less latency waits for the one before it.
    this.#last = Math.max(this.#last, clock.now() + latency(this.#from, this.#to));
    return this.#last;
  }

  #wait(): void {
    const head = this.#parcels[0];
    if (head === undefined || this.#timer !== undefined || this.#cut) return;
    const delay = Math.max(0, head.due - this.#conditions.clock.now());
    this.#timer = this.#conditions.clock.schedule(delay, this.#onDue);
  }

  readonly #onDue = (): void => {
    this.#timer = undefined;
    if (this.#conditions.isCut(this.#from, this.#to)) {
      this.#cut = true;
      this.#conditions.onHeal(this.#onHeal);
      return;
    }
    const head = this.#parcels.shift();
    this.#wait();
    if (head !== undefined) this.#conditions.enter(this.#to, head.arrive);
  };

  readonly #onHeal = (): void => {
    this.#cut = false;
    for (const parcel of this.#parcels) parcel.due = this.#arrival();
    this.#wait();
  };
}
