import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import type { ConsumerMessage, ProducerMessage, SinkMessage } from "../../lib/streams/protocol.ts";
import type { World } from "./world.ts";

type Message = ProducerMessage<number> | ConsumerMessage<number> | SinkMessage;

/** Looks like an actor of another node. */
class LinkRef extends Ref<never> {
  readonly node = "elsewhere:25520";
  readonly path: string;
  readonly uid: number;

  readonly link: LossyLink;
  readonly target: Ref<never>;

  constructor(link: LossyLink, target: Ref<never>) {
    super();
    this.link = link;
    this.target = target;
    this.path = target.path;
    this.uid = target.uid;
  }

  override tell(message: Message): void {
    this.link.send(this.target, message);
  }
}

/**
 * A connection that loses what it is told to lose. Who speaks over it takes the others for actors
 * of another node; unless the link is cut, the end of one is heard at the other side.
 */
export class LossyLink {
  /** What was sent, in order; lost or not. */
  readonly seen: Message[] = [];
  /** Answers whether a message is lost. */
  lose: (message: Message) => boolean = () => false;
  /** While it is set, what is sent waits; in order. */
  held: (() => void)[] | undefined;
  readonly #refs = new Map<Ref<never>, LinkRef>();
  readonly #watches: { watcher: Ref<unknown>; target: LinkRef }[] = [];
  readonly #internals;

  constructor(world: World) {
    const internals = this.#internals = internalsOf(world.system);
    internals.remoteWatch = {
      watch: (watcher, target) => {
        this.#watches.push({ watcher, target: target as unknown as LinkRef });
      },
      unwatch: (watcher, target) => {
        const index = this.#watches.findIndex((watch) =>
          watch.watcher === watcher && watch.target.equals(target)
        );
        if (index >= 0) this.#watches.splice(index, 1);
      },
    };
    world.system.eventStream.subscribe("actorStopped", ({ ref }) => {
      this.#tellWatchers((target) => target.target === ref, "stopped");
    });
  }

  /** How the other side sees an actor. */
  ref<M>(target: ActorRef<M>): ActorRef<M> {
    const local = target as unknown as Ref<never>;
    let ref = this.#refs.get(local);
    if (ref === undefined) this.#refs.set(local, ref = new LinkRef(this, local));
    return ref as never;
  }

  /** Both sides hear that the other node is down; nothing arrives any more. */
  cut(): void {
    this.lose = () => true;
    this.#tellWatchers(() => true, "nodeDown");
  }

  send(target: Ref<never>, message: Message): void {
    this.seen.push(message);
    if (this.held !== undefined) return void this.held.push(() => this.#deliver(target, message));
    this.#deliver(target, message);
  }

  /** Delivers what waits. */
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const deliver of held) deliver();
  }

  #deliver(target: Ref<never>, message: Message): void {
    if (this.lose(message)) return;
    const copy: Record<string, unknown> = { ...message };
    for (const party of ["sink", "consumer"]) {
      if (copy[party] !== undefined) copy[party] = this.ref(copy[party] as ActorRef<never>);
    }
    target.tell(copy as never);
  }

  #tellWatchers(which: (target: LinkRef) => boolean, reason: "stopped" | "nodeDown"): void {
    for (const { watcher, target } of this.#watches.filter(({ target }) => which(target))) {
      this.#internals.terminated(watcher, target, reason);
    }
  }
}

/** Loses the messages of a type whose numbers, counted from 1, are given. */
export function losing(type: Message["type"], ...numbers: number[]): (message: Message) => boolean {
  let count = 0;
  return (message) => message.type === type && numbers.includes(++count);
}
