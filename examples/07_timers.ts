/**
 * Timers, a receive timeout, and promises. An actor that waits for a promise with `pipeToSelf` goes
 * on with other messages; the result arrives as a message.
 *
 *     deno run -A examples/07_timers.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";

type Message =
  | { type: "tick" }
  | { type: "ping"; replyTo: ActorRef<string> }
  | { type: "forecast"; city: string; text: string }
  | { type: "noForecast"; city: string; why: string }
  | { type: "idle" };

/** Stands for a request to a weather service. */
async function fetchForecast(city: string): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (city === "Atlantis") throw new Error("no such city");
  return "sunny";
}

const station = Behaviors.setup<Message>((context) => {
  let ticks = 0;
  context.timers.startFixedDelay("clock", { type: "tick" }, 10);
  for (const city of ["Lisbon", "Atlantis"]) {
    context.pipeToSelf(
      fetchForecast(city),
      (text): Message => ({ type: "forecast", city, text }),
      (error): Message => ({ type: "noForecast", city, why: (error as Error).message }),
    );
  }
  return Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "tick":
        if (++ticks === 3) {
          console.log("three ticks");
          context.timers.cancel("clock");
          context.setReceiveTimeout(100, { type: "idle" });
        }
        return Behaviors.same();
      case "ping":
        message.replyTo.tell("pong, before the forecasts");
        return Behaviors.same();
      case "forecast":
        console.log(`${message.city}: ${message.text}`);
        return Behaviors.same();
      case "noForecast":
        console.log(`${message.city}: ${message.why}`);
        return Behaviors.same();
      case "idle":
        console.log("no message for 100 ms: stop");
        return Behaviors.stopped();
    }
  });
});

await using system = new ActorSystem({ name: "weather" });
const stopped = new Promise<unknown>((resolve) => {
  system.eventStream.subscribe("actorStopped", resolve);
});
const ref = system.spawn(station, "station");
console.log(await system.ask(ref, (replyTo) => ({ type: "ping", replyTo })));
await stopped;
