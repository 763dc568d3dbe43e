import { createCa, issueClient, issueNode } from "@casty/casty/cert";
import type { TlsMaterial } from "../../lib/runtime/network.ts";

/** Certificates of one authority, in memory and as files. */
export interface CertificateFiles {
  /** For nodes of Casty. */
  readonly node: TlsMaterial;
  /** For clients of Casty. */
  readonly client: TlsMaterial;
  /** Paths, for the rivals: their servers and their clients. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes them in a folder. */
export async function certificateFiles(folder: string): Promise<CertificateFiles> {
  const ca = await createCa();
  const node = { ...await issueNode(ca, { hosts: ["127.0.0.1"] }), ca: ca.cert };
  const client = { ...await issueClient(ca, { name: "bench" }), ca: ca.cert };
  const write = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  return {
    node,
    client,
    ca: write("ca.crt", ca.cert),
    cert: write("node.crt", node.cert),
    key: write("node.key", node.key),
  };
}
