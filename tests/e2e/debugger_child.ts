/** Asks an actor that does not answer, and prints after how many milliseconds the ask ends. */
import { ActorSystem, AskTimeoutError, Behaviors } from "../../mod.ts";

const system = new ActorSystem();
const silent = system.spawn(Behaviors.ignore(), "silent");
const began = performance.now();
console.log("asking");
try {
  await system.ask(silent, () => 1, { timeout: Number(Deno.args[0]) });
} catch (error) {
  if (!(error instanceof AskTimeoutError)) throw error;
  console.log(Math.round(performance.now() - began));
}
await system.shutdown();
