/**
 * A process whose entities are flooded, and whose gate is open for a moment. It stops itself in the
 * middle of the flood, and prints what ran once the gate has closed.
 *
 * @module
 */
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import type { LocalRef } from "../../lib/actor/ref/local_ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";

const system = new ActorSystem();
const gate = internalsOf(system).turnGate;
let region!: ActorContext<never>;
system.spawn(
  Behaviors.setup<never>((context) => {
    region = context;
    (context.self as LocalRef<never>).keepEntities({
      typeName: "",
      store: undefined,
      idOf: () => "",
      pathOf: () => "",
      epochOf: () => 1,
      passivate: () => {},
      keep: () => false,
      onNotRecovered: () => {},
      onStopped: () => {},
    });
    return Behaviors.receive(() => Behaviors.same());
  }),
  "region",
);
await Promise.resolve();

const openFor = 1_500;
/** It stops itself after so many messages, however fast the machine is: then the flood is at its height. */
const messagesBefore = 20_000;
let handled = 0;
let late = 0;
let longest = 0;
let stopped = false;
let last = performance.now();
let until = last;

function openGate(): void {
  until = performance.now() + openFor;
  gate.extend(until);
}

const entities = Array.from({ length: 200 }, (_, index) =>
  region.spawn(
    Behaviors.receive<number>((context, hops) => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      handled++;
      if (stopped && now >= until) late++;
      entities[hops % entities.length]!.tell(hops + 1);
      if (handled === messagesBefore) {
        openGate();
        stopped = true;
        // The parent lets this process go on again.
        Deno.kill(Deno.pid, "SIGSTOP");
      }
      return context.epoch === 1 ? Behaviors.same() : Behaviors.stopped();
    }),
    `entity-${index}`,
  ));

gate.listen({
  onClosed: () => {
    // A slow machine has not handled enough messages yet.
    if (!stopped) return void setTimeout(openGate);
    // It may have closed before the first handler ran.
    longest = Math.max(longest, performance.now() - last);
    // Everything that is scheduled already has its chance to run.
    setTimeout(() => {
      console.log(JSON.stringify({ handled, late, longest }));
      Deno.exit(0);
    }, 200);
  },
});
openGate();
for (let i = 0; i < 2_000; i++) entities[i % entities.length]!.tell(i);
