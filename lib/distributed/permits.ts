import { AskTimeoutError } from "../actor/errors.ts";
import { resolveOptions } from "../options/check_options.ts";
import { acquireTable } from "../options/tables/distributed_tables.ts";
import { randomId } from "../runtime/random.ts";
import { refusedBy } from "./errors.ts";
import type { Grant, PermitOperation, PermitStatus } from "./permit_machine.ts";
import { type DoneReply, type OperationOptions, Structure } from "./structure.ts";
import type { StructurePort } from "./structure_port.ts";

/** Two clocks that are right to 1 % measure times that differ by this share. */
const clockError = 0.0202;

/** How a lock or permit is acquired. */
export interface AcquireOptions extends OperationOptions {
  /**
   * Milliseconds that it stays held after the last renewal, from 1 000 to a day; it is renewed after a
   * third of it. The longer, the later others get it when its holder's process stands still. Default
   * 30 000.
   */
  readonly ttl?: number;
}

/** A lock or permit that is held. */
export interface HeldPermit extends AsyncDisposable {
  /**
   * A fencing token: each grant of the structure has a higher one than all before, wherever it is given
   * (after a restart of all nodes at once as long as no wall clock is behind what it was). A
   * store that refuses lower tokens than it has seen is never written by a holder that was replaced while
   * its process stood still (Kleppmann, 2016). Up to 100 bits: store it as text or as a decimal number.
   */
  readonly token: bigint;
  /** Aborted when the lease has ended before it was released: another may hold it from then on. */
  readonly lost: AbortSignal;
  /** Gives it back. False: it was lost before. */
  release(options?: OperationOptions): Promise<boolean>;
  /** Gives it back; if that is impossible, the lease ends by itself. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What locks and semaphores have in common. A handle is one owner. */
export abstract class Permits extends Structure {
  readonly #permits: number;
  readonly #exclusive: boolean;
  readonly #owner: string;
  /** What this handle holds, the newest last. */
  readonly #held = new Set<HeldPermit>();

  /** @internal */
  constructor(kind: "lock" | "semaphore", name: string, permits: number, port: StructurePort) {
    const what = kind === "lock" ? "mutual exclusion" : `at most ${permits} holders`;
    const consistency =
      `${what} by leases while it stays at one node, and by fencing tokens always; volatile`;
    super(kind, name, consistency, port);
    this.#permits = permits;
    this.#exclusive = kind === "lock";
    this.#owner = this.#newId();
  }

  /**
   * Waits until it is granted, first come, first served. One who gives up gets no grant any more.
   *
   * @throws {DistributedError} codes `acquireTimeout`, `alreadyHeld`, `permitsMismatch`, `structureFull`,
   * `destroyed`.
   * @throws {AskError} code `askAborted`.
   */
  async acquire(options: AcquireOptions = {}): Promise<HeldPermit> {
    const held = await this.#acquire(options, true);
    return held!;
  }

  /**
   * Takes it if it is free; undefined if it is not.
   *
   * @throws {DistributedError} code `permitsMismatch`.
   */
  tryAcquire(options: AcquireOptions = {}): Promise<HeldPermit | undefined> {
    return this.#acquire(options, false);
  }

  /** Gives back what this handle has acquired last. False: it holds nothing. */
  async release(options?: OperationOptions): Promise<boolean> {
    const newest = [...this.#held].at(-1);
    return newest === undefined ? false : await newest.release(options);
  }

  /** How many hold it, and how many wait. */
  async status(options?: OperationOptions): Promise<PermitStatus> {
    const { held, waiting } = await this.perform(
      { operation: { type: "status" }, repeats: true },
      options,
    ) as PermitStatus;
    return { held, waiting };
  }

  #newId(): string {
    return randomId(this.port.system.runtime.random);
  }

  async #acquire(options: AcquireOptions, waits: boolean): Promise<HeldPermit | undefined> {
    const { ttl, timeout, signal } = resolveOptions(acquireTable, options);
    const request = this.#newId();
    const operation: PermitOperation = {
      type: "acquire",
      request,
      owner: this.#owner,
      permits: this.#permits,
      exclusive: this.#exclusive,
      ttl,
      waits,
    };
    const { session } = this.port;
    try {
      const reply = await this.request(
        { operation, repeats: true, session: session.ref },
        timeout,
        signal,
      );
      if (reply.value === undefined) return undefined;
      return this.#hold(request, ttl, reply, await this.#leaseEnd(request, ttl, reply));
    } catch (error) {
      this.#giveUp(request, ttl);
      throw error instanceof AskTimeoutError && waits
        ? refusedBy(this.label, "acquireTimeout", `it was not granted within ${timeout} ms`)
        : error;
    }
  }

  /**
   * A grant that is under way is for nobody. It would last for `ttl`, so the structure is told again until it
   * has answered, or that time is over.
   */
  #giveUp(request: string, ttl: number): void {
    const operation = { type: "release", request } as const;
    const isRepeated = this.port.session.giveUp(() =>
      this.request({ operation, repeats: true }, ttl, undefined)
    );
    if (!isRepeated) this.send(operation);
  }

  /** When the lease of a grant has ended for certain, on the clock of this system. */
  async #leaseEnd(request: string, ttl: number, { value, sentAt }: DoneReply): Promise<number> {
    const { waited } = value as Grant;
    // Measured by another clock, so that a long one says little: then the lease begins anew.
    const error = Math.abs(waited) * clockError;
    if (error <= ttl / 3) return sentAt + waited - error + ttl;
    const operation = { type: "renew", request, ttl } as const;
    const renewed = await this.request({ operation, repeats: true }, ttl, undefined);
    if (renewed.value === true) return renewed.sentAt + ttl;
    throw refusedBy(
      String(this),
      "leaseLost",
      "it was granted, and lost before that was known here",
    );
  }

  #hold(
    request: string,
    ttl: number,
    { value, keeper }: DoneReply,
    expiresAt: number,
  ): HeldPermit {
    const { token } = value as Grant;
    const { session } = this.port;
    const lost = session.hold({
      request,
      structure: this.label,
      ttl,
      expiresAt,
      keeper,
      renew: async (timeout) => {
        const operation = { type: "renew", request, ttl } as const;
        return await this.perform({ operation, repeats: true }, { timeout }) as boolean;
      },
    });
    const release = async (options?: OperationOptions): Promise<boolean> => {
      this.#held.delete(held);
      if (!session.drop(request)) return false;
      const operation = { type: "release", request } as const;
      return await this.perform({ operation, repeats: true }, options) as boolean;
    };
    const held: HeldPermit = {
      token,
      lost,
      release,
      [Symbol.asyncDispose]: () => release().then(() => {}, () => {}),
    };
    this.#held.add(held);
    lost.addEventListener("abort", () => this.#held.delete(held), { once: true });
    return held;
  }
}
