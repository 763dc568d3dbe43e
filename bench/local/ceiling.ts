/**
 * The ceiling: what this engine can do with a mailbox and a run queue and nothing else. No names,
 * no lifecycle, no bounds, no counters, no errors. The shape is the fastest of those that were
 * tried: one queue drained in a microtask, a lazily made ring per actor.
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

/** The run queue. Yields to timers and I/O as the real one must. */
export class BareSystem {
  #queue: BareRunnable[] = [];
  #next: BareRunnable[] = [];
  #draining = false;

  schedule(actor: BareRunnable): void {
    this.#next.push(actor);
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(this.#drain);
  }

  readonly #drain = (): void => {
    let handled = 0;
    while (this.#next.length > 0) {
      const queue = this.#next;
      this.#next = this.#queue;
      this.#queue = queue;
      for (let i = 0; i < queue.length; i++) handled += queue[i]!.run(256);
      queue.length = 0;
      if (handled >= 8_192 && this.#next.length > 0) {
        setImmediate(this.#drain);
        return;
      }
    }
    this.#draining = false;
  };
}
