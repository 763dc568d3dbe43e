import { internalsOf } from "../../actor/system/system_internals.ts";
import type { DurableStore } from "../../runtime/durable_store.ts";
import type { ExtensionContext, ExtensionHealth, NodeExtension } from "./node_extension.ts";

/** Reports whether the journal of the system takes calls. */
export class StoreHealth implements NodeExtension {
  readonly name = "store";
  #journal: DurableStore | undefined;

  /** Finds the journal. */
  install({ system }: ExtensionContext): void {
    this.#journal = internalsOf(system).persistence?.journal;
  }

  /** Unhealthy while the journal refuses calls; healthy without one. */
  health(): ExtensionHealth {
    if (this.#journal === undefined) return { healthy: true };
    const { name: journal, failure } = this.#journal;
    const details = { journal };
    if (failure === undefined) return { healthy: true, details };
    return { healthy: false, reason: failure, details };
  }
}
