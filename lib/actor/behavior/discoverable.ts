import { Behavior } from "./behavior.ts";
import type { OnSetup } from "./handler.ts";
import { serviceIdOf, type ServiceKey } from "../services/service_key.ts";

/**
 * Registers each actor that has this behaviour under `key`, from its start to its end. It stays
 * registered while it restarts. May be nested with supervision, hooks and setups in any order.
 * A key for some of the actor's messages is enough: its references accept only those.
 *
 * @throws {ActorError} code `badServiceKey`.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem, Behaviors, discoverable, ServiceKey } from "@casty/casty";
 *
 * const echoing = ServiceKey<ActorRef<string>>("echoing");
 * const echo = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
 *   replyTo.tell("hello");
 *   return Behaviors.same();
 * });
 *
 * await using system = new ActorSystem();
 * const listed = new Promise<ActorRef<ActorRef<string>>>((resolve) => {
 *   system.receptionist.subscribe(echoing, ([first]) => first !== undefined && resolve(first));
 * });
 * system.spawn(discoverable(echo, echoing), "echo");
 * const answer = await system.ask(await listed, (replyTo: ActorRef<string>) => replyTo);
 * console.assert(answer === "hello");
 * ```
 */
export function discoverable<K, B extends Behavior<K>>(behavior: B, key: ServiceKey<K>): B {
  serviceIdOf(key);
  // No hook for the end: the receptionist watches the actor. And a setup, unlike a hook, also
  // runs when an actor becomes discoverable only later.
  const onSetup: OnSetup<K> = ({ system, self }) => {
    system.receptionist.register(key, self);
    return behavior;
  };
  return new Behavior<K>("setup", undefined, undefined, onSetup) as B;
}
