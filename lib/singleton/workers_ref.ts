import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { checkValue } from "../options/check_options.ts";
import { whole } from "../options/option.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import type { NumberedWorkers } from "../sharding/routing/numbered_workers.ts";

/** The workers of a name that this node has spawned. It takes no messages itself. */
export interface WorkersRef<M> extends ActorRef<never>, NumberedWorkers<M> {}

/** See {@linkcode WorkersRef}. */
export class WorkersProxy<M> extends Ref<never> implements WorkersRef<M> {
  override readonly path: string;
  override readonly node: string;
  readonly #workers: readonly EntityRef<M>[];
  readonly #front: ActorRef<never>;

  /** `front`: the actor of this node that has their name. */
  constructor(front: ActorRef<never>, workers: readonly EntityRef<M>[]) {
    super();
    this.path = front.path;
    this.node = front.address;
    this.#front = front;
    this.#workers = workers;
  }

  override get uid(): number {
    return 0;
  }

  get count(): number {
    return this.#workers.length;
  }

  worker(index: number): EntityRef<M> {
    checkValue("index", whole(0, this.count - 1), index);
    return this.#workers[index]!;
  }

  override tell(message: never): void {
    this.#front.tell(message);
  }
}
