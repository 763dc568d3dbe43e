import { isTransient } from "../actor/ask/ask_failure.ts";
import type { AskOptions } from "../actor/behavior/ask_options.ts";
import { AskError, type AskFailureReason } from "../actor/errors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { checkValue, resolveOptions } from "../options/check_options.ts";
import { operationTable, structureName } from "../options/tables/distributed_tables.ts";
import { backoffDelay } from "../runtime/backoff.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import { refusedBy } from "./errors.ts";
import { structureId, type StructureKind } from "./structure_kind.ts";
import type { StructurePort } from "./structure_port.ts";
import type { LeaseLost, Operation, StructureMessage } from "./structure_protocol.ts";
import type { StructureReply } from "./structure_reply.ts";

/** How long and how an operation of a structure is waited for. */
export interface OperationOptions {
  /** Milliseconds. Default 5 000. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/** An operation, and how it is sent. */
interface Request {
  readonly operation: Operation;
  /** Whether it may be sent again after it was lost: it then has the same effect once. */
  readonly repeats: boolean;
  /**
   * The answer `false` of a repeated one may mean that an attempt before, whose answer was lost, has done
   * it: then nobody knows what it has come to, and the error of that attempt says so.
   */
  readonly falseAfterLoss?: "unknown";
  readonly session?: ActorRef<LeaseLost>;
}

/** A reply that is no refusal, and when that was sent which it answers, on the clock of the system. */
export type DoneReply = StructureReply & { readonly type: "done"; readonly sentAt: number };

/** Reasons of lost asks whose message may have been handled before. */
const mayHaveBeenDone: ReadonlySet<AskFailureReason> = new Set(
  ["stopped", "ownerLost", "notPersisted", "disconnected"] as const,
);

const pauses = { min: 50, max: 1_000, jitter: [0.5, 1] } as const;

/** A structure as a program uses it. All that it does are messages to the entity that the structure is. */
export abstract class Structure {
  /** The name of the structure. */
  readonly name: string;
  /** What is claimed of it, in a sentence. */
  readonly consistency: string;
  /** @internal */
  protected readonly port: StructurePort;
  readonly #kind: StructureKind;
  readonly #entity: EntityRef<StructureMessage>;

  /** @internal Made by {@linkcode Distributed}. */
  constructor(kind: StructureKind, name: string, consistency: string, port: StructurePort) {
    this.name = checkValue("name", structureName, name);
    this.consistency = consistency;
    this.port = port;
    this.#kind = kind;
    this.#entity = port.entity(structureId(kind, name));
  }

  /**
   * Erases it. The next use starts a new one; those that wait for it get an error of the code `destroyed`,
   * and holders lose what they hold. Resolves with true.
   */
  async destroy(options?: OperationOptions): Promise<boolean> {
    return await this.perform(
      { operation: { type: "destroy" }, repeats: true },
      options,
    ) as boolean;
  }

  /** What it is, and what is claimed of it. */
  toString(): string {
    return `${this.label} (${this.consistency})`;
  }

  /** @internal What errors call it. */
  protected get label(): string {
    return `${this.#kind} "${this.name}"`;
  }

  /** @internal Performs an operation; the value of its reply. */
  protected async perform(request: Request, options: OperationOptions = {}): Promise<unknown> {
    const { timeout, signal } = resolveOptions(operationTable, options);
    return (await this.request(request, timeout, signal)).value;
  }

  /**
   * @internal Performs an operation; its reply.
   *
   * @throws {DistributedError} what the structure refuses.
   */
  protected async request(
    request: Request,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<DoneReply> {
    const { clock, random } = this.port.system.runtime;
    const end = clock.now() + timeout;
    let unknown: AskError | undefined;
    for (let count = 0;; count++) {
      const sentAt = clock.now();
      const rest = Math.max(1, Math.ceil(end - sentAt));
      const reply = await this.#attempt(request, { timeout: rest, ...(signal && { signal }) }, end);
      if (reply instanceof AskError) {
        if (mayHaveBeenDone.has(reply.reason)) unknown ??= reply;
      } else if (reply.type === "done") {
        const isUnknown = request.falseAfterLoss === "unknown" && reply.value === false;
        if (isUnknown && unknown !== undefined) throw unknown;
        return { ...reply, sentAt };
      } else if (reply.type === "refused") {
        throw refusedBy(this.label, reply.code, reply.why);
      }
      const delay = Math.min(backoffDelay(pauses, count, random.next()), rest);
      await new Promise<void>((resolve) => void clock.schedule(delay, resolve));
    }
  }

  /** @internal Sends an operation whose answer nobody waits for. */
  protected send(operation: Operation): void {
    this.#entity.tell({ type: "operation", operation });
  }

  /** An error: it was lost, and may be sent again. */
  async #attempt(
    { operation, repeats, session }: Request,
    options: AskOptions,
    end: number,
  ): Promise<StructureReply | AskError> {
    const { clock } = this.port.system.runtime;
    try {
      return await this.#entity.ask((replyTo: ActorRef<StructureReply>) => ({
        type: "operation",
        operation,
        replyTo,
        ...(session && { session }),
      }), options);
    } catch (error) {
      const isLoss = repeats && error instanceof AskError && isTransient(error);
      if (isLoss && clock.now() < end) return error;
      throw error;
    }
  }
}
