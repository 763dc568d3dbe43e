/**
 * SQLite alone in a thread, for `bench/persistence.ts`: a message is a number of rows, each of so many
 * bytes, which are inserted in one commit; the answer is how many milliseconds that took.
 *
 * @module
 */
import { openRaw } from "./raw_sqlite.ts";

let raw: ReturnType<typeof openRaw> | undefined;
let seq = 0;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<string | Uint8Array>) => void;
  postMessage(message: number): void;
};

scope.onmessage = ({ data }) => {
  if (typeof data === "string") {
    raw = openRaw(data);
    return scope.postMessage(0);
  }
  const begun = performance.now();
  const rows = Array.from(
    { length: data.length / 100 },
    (_, n) => data.subarray(100 * n, 100 * (n + 1)),
  );
  raw!.commit(rows, seq);
  seq += rows.length;
  scope.postMessage(performance.now() - begun);
};
