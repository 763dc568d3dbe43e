import type { ClusteredActorSystem } from "@casty/casty";

/**
 * Resolves at the first SIGINT or SIGTERM. A further SIGINT then ends the process at once; a SIGTERM
 * does not: Ctrl+C reaches all processes of a terminal, and the demo sends SIGTERM to its nodes
 * afterwards.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      Deno.removeSignalListener("SIGINT", stop);
      resolve();
    };
    Deno.addSignalListener("SIGINT", stop);
    Deno.addSignalListener("SIGTERM", stop);
  });
}

/**
 * Resolves as {@linkcode stopSignal}, and when the system is being shut down for another reason: an
 * admin has ordered the node to leave, or the others have declared it down. A process that goes on
 * would be a node without a system.
 */
export function stopOf(
  system: ClusteredActorSystem,
  signal: Promise<void> = stopSignal(),
): Promise<void> {
  const shutdown = new Promise<void>((resolve) => {
    system.onShutdown("beforeShutdown", "end the process", () => resolve());
  });
  return Promise.race([signal, shutdown]);
}
