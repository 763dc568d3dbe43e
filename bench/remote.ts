/**
 * Remote tell and ask between two processes over mutual TLS, beside a raw framed `node:tls` socket
 * between two processes in the same run.
 *
 *     deno run -A bench/remote.ts
 *
 * @module
 */
import { createCa, issueNode } from "@casty/casty/cert";
import { printRows, type Row } from "./report.ts";
import { Peer } from "./remote/peer.ts";
import { measureCasty } from "./remote/casty.ts";
import { measureRaw } from "./remote/raw.ts";

/** Runs of each figure; the report shows median and best. */
const rounds = 5;

if (import.meta.main) {
  const tls = await makeTls();
  const rows: Row[] = [];
  const raw = new Peer("raw", tls);
  const casty = new Peer("casty", tls);
  try {
    // Interleaved, so that a noisy machine disturbs both alike.
    for (let round = 0; round < rounds; round++) {
      rows.push(...await measureRaw(await raw.address, tls));
      rows.push(...await measureCasty(await casty.address, tls));
    }
  } finally {
    await raw.stop();
    await casty.stop();
  }
  printRows("Two processes, mutual TLS, loopback", rows);
}

async function makeTls(): Promise<{ cert: string; key: string; ca: string }> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
  return { cert, key, ca: ca.cert };
}
