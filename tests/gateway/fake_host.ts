import { ActorSystem } from "../../mod.ts";
import type { GatewayHost } from "../../gateway.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";

/** A host without a cluster: an operation is answered with the id of the entity and the principal. */
export function fakeHost(
  handled: unknown[] = [],
  answer: () => Promise<unknown> = () => Promise.resolve(1),
) {
  const system = new ActorSystem({ runtime: { logger: silentLogger } });
  const readers = new Set<{ offer(message: unknown): void; end(): void }>();
  const fake: GatewayHost = {
    eventStream: system.eventStream,
    runtime: system.runtime,
    entity: ((_type: unknown, key: string) => ({
      ask: (factory: (replyTo: unknown) => unknown) => {
        handled.push([key, factory({})]);
        return answer();
      },
      tell: (message: unknown) => void handled.push([key, message]),
    })) as never,
    topic: (() => ({
      publish: (message: unknown) => void handled.push(message),
      subscribe: () => {
        let wake = () => {};
        const waiting: unknown[] = [];
        let ended = false;
        const reader = {
          dropped: 0,
          offer: (message: unknown) => (waiting.push(message), wake()),
          end: () => (ended = true, readers.delete(reader), wake()),
          async *[Symbol.asyncIterator]() {
            while (!ended) {
              if (waiting.length > 0) yield waiting.shift();
              else await new Promise<void>((resolve) => wake = resolve);
            }
          },
        };
        readers.add(reader);
        return reader;
      },
    })) as never,
  };
  return {
    host: fake,
    handled,
    readers,
    [Symbol.asyncDispose]: () => system.shutdown(),
  };
}
