import { Ref } from "../actor/ref/ref.ts";
import type { Remoting } from "./remoting.ts";

/** A reference to an actor of another node or client. */
export class RemoteRef<in M> extends Ref<M> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  readonly #remoting: Remoting;

  /** Made by {@linkcode Remoting.refTo} only. */
  constructor(remoting: Remoting, node: string, path: string, uid: number) {
    super();
    this.#remoting = remoting;
    this.node = node;
    this.path = path;
    this.uid = uid;
  }

  override tell(message: M): void {
    this.#remoting.tell(this.node, this.path, this.uid, message);
  }
}
