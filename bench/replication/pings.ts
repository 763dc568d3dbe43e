import { extensionKey, type NodeExtension } from "@casty/casty/extension";

/** Pings between nodes in the lane of heartbeats. */
export interface Pings {
  /** Milliseconds until the node has answered; never resolves if it does not. */
  ping(address: string): Promise<number>;
  /** Addresses of the other members. */
  readonly others: readonly string[];
}

export const Pings = extensionKey<Pings>("bench-pings");

const path = "/_cluster/bench-pings";

/** Makes the extension of one node. */
export function pings(): NodeExtension {
  const waiting = new Map<number, (value: number) => void>();
  let last = 0;
  return {
    name: "bench-pings",
    install(node) {
      node.handleNodes(path, ({ address }, message) => {
        const [kind, number] = message as [string, number];
        if (kind === "ping") return node.send(address, path, ["pong", number]);
        waiting.get(number)?.(performance.now());
        waiting.delete(number);
      });
      node.expose(Pings, {
        get others() {
          return node.view.members.map(({ address }) => address)
            .filter((address) => address !== node.address);
        },
        async ping(address) {
          const begun = performance.now();
          const number = ++last;
          const { promise, resolve } = Promise.withResolvers<number>();
          waiting.set(number, resolve);
          node.send(address, path, ["ping", number]);
          return await promise - begun;
        },
      });
    },
  };
}
