/**
 * The limit: only a mailbox and a run queue, without names, lifecycle, bounds, counters and errors.
 * This is the fastest of several designs: one run queue, a ring buffer that is drained in a
 * microtask, and a ring buffer per actor, allocated with its first message. (Two arrays that are
 * swapped and emptied reach a third of that in ping-pong, because emptying an array frees its
 * memory.)
 */
export class BareActor<M> {
  scheduled = false;
  readonly #system: BareSystem;
  readonly #handle: (message: M) => void;
  #slots: (M | undefined)[] | undefined;
  #head = 0;
  #size = 0;

  constructor(system: BareSystem, handle: (message: M) => void) {
    this.#system = system;
    this.#handle = handle;
  }

  tell(message: M): void {
    const slots = this.#slots ??= new Array(8).fill(undefined);
    if (this.#size === slots.length) this.#grow(slots);
    this.#slots![(this.#head + this.#size++) & (this.#slots!.length - 1)] = message;
    if (!this.scheduled) {
      this.scheduled = true;
      this.#system.schedule(this);
    }
  }

  run(budget: number): number {
    let handled = 0;
    while (this.#size > 0 && handled < budget) {
      const slots = this.#slots!;
      const message = slots[this.#head]!;
      slots[this.#head] = undefined;
      this.#head = (this.#head + 1) & (slots.length - 1);
      this.#size--;
      handled++;
      this.#handle(message);
    }
    if (this.#size > 0) this.#system.schedule(this);
    else this.scheduled = false;
    return handled;
  }

  #grow(slots: (M | undefined)[]): void {
    const { length } = slots;
    const grown = slots.slice(this.#head).concat(slots.slice(0, this.#head));
    for (let i = 0; i < length; i++) grown.push(undefined);
    this.#head = 0;
    this.#slots = grown;
  }
}

interface BareRunnable {
  run(budget: number): number;
}

/** The run queue. Yields to timers and I/O, as the dispatcher of Casty must. */
export class BareSystem {
  #ring: (BareRunnable | undefined)[] = new Array(16).fill(undefined);
  #head = 0;
  #size = 0;
  #draining = false;

  schedule(actor: BareRunnable): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size++) & (this.#ring.length - 1)] = actor;
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(this.#drain);
  }

  #grow(): void {
    const ring = this.#ring;
    const grown = ring.slice(this.#head).concat(ring.slice(0, this.#head));
    for (let i = ring.length; i > 0; i--) grown.push(undefined);
    this.#head = 0;
    this.#ring = grown;
  }

  readonly #drain = (): void => {
    let handled = 0;
    while (this.#size > 0) {
      const ring = this.#ring;
      const actor = ring[this.#head]!;
      ring[this.#head] = undefined;
      this.#head = (this.#head + 1) & (ring.length - 1);
      this.#size--;
      handled += actor.run(256);
      if (handled >= 8_192 && this.#size > 0) {
        setImmediate(this.#drain);
        return;
      }
    }
    this.#draining = false;
  };
}
