import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { nodeInternalsOf } from "../../node_internals.ts";
import type { FactReader } from "../inspection.ts";

/** The clients of a node. */
export interface ClientFacts {
  readonly connected: number;
  readonly clients: readonly {
    readonly address: string;
    readonly nodeId: string;
    /** The name in its certificate; absent: the connection is not encrypted. */
    readonly name?: string;
    /** Where its socket is. */
    readonly remote: string;
    /** Messages that wait for it. */
    readonly queued: number;
    /** Bytes that wait for it. */
    readonly queuedBytes: number;
  }[];
}

const maxClients = 500;

/** Reads {@linkcode ClientFacts}. */
export function clientFacts({ system }: ExtensionContext): FactReader {
  return (): ClientFacts => {
    const { endpoint } = nodeInternalsOf(system)!.remoting;
    const clients = endpoint.peers().filter(({ role }) => role === "client");
    return {
      connected: clients.length,
      clients: clients.slice(0, maxClients).map(({ address, nodeId, identity, remote }) => {
        const { messages, bytes } = endpoint.queued(address);
        return {
          address,
          nodeId,
          ...(identity.kind !== "plain" && { name: identity.uri ?? identity.name }),
          remote,
          queued: messages,
          queuedBytes: bytes,
        };
      }),
    };
  };
}
