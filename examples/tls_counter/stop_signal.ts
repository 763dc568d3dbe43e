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
