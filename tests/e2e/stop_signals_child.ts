/**
 * A service that stops on signals. Its first argument says what it is to do:
 *
 * - `serve`: answers HTTP requests with the help of an actor; the request `hold` is held back until
 *   the service is asked to stop;
 * - `stuck`: has an actor whose handler never ends;
 * - `ends`: shuts its system down by itself, and then has nothing left to do.
 */
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";

interface Request {
  readonly text: string;
  readonly replyTo: ActorRef<string>;
}

const mode = Deno.args[0];
// A machine under load makes every handler slow; what it says of that is not the matter here.
const system = new ActorSystem({ stopOnSignals: true, slowHandler: Infinity });

const worker = system.spawn(
  Behaviors.receive<Request>(
    (_context, { text, replyTo }) => {
      if (mode === "stuck") return new Promise<never>(() => {});
      replyTo.tell(text.toUpperCase());
      return Behaviors.same();
    },
    (_context, signal) => {
      if (signal.type === "postStop") console.log("POST STOP");
      return Behaviors.same();
    },
  ),
  "worker",
);

const stopping = Promise.withResolvers<void>();
system.onShutdown("beforeShutdown", "tell", () => {
  console.log("STOPPING");
  stopping.resolve();
});

if (mode === "ends") {
  await system.shutdown();
  console.log("ENDS");
} else {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const text = await request.text();
    if (text === "hold") {
      console.log("HELD");
      await stopping.promise;
    }
    return new Response(
      await system.ask(worker, (replyTo: ActorRef<string>) => ({ text, replyTo })),
    );
  });
  system.onShutdown("serviceStop", "http", () => server.shutdown());
  system.onShutdown("afterStop", "tell", () => console.log("AFTER STOP"));
  if (mode === "stuck") worker.tell({ text: "", replyTo: worker as ActorRef<unknown> });
  console.log(`READY ${server.addr.port}`);
}
