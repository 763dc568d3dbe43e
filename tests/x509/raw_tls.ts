/**
 * Handshakes with nothing but `node:tls`, to find out what the TLS library of this runtime accepts
 * by itself.
 *
 * @module
 */
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";

/** PEM texts of one end. */
export interface Material {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Whether two ends accept each other; names are not compared. */
export async function shakesHands(server: Material, client: Material): Promise<boolean> {
  let listener: Server | undefined;
  let socket: TLSSocket | undefined;
  try {
    const options = { requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" } as const;
    listener = createServer({ ...server, ...options });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    listener.on("secureConnection", (peer) => {
      peer.on("error", () => {});
      peer.end();
      resolve(true);
    });
    listener.on("tlsClientError", (_error, peer) => {
      peer.on("error", () => {});
      resolve(false);
    });
    listener.on("error", () => resolve(false));
    await new Promise<void>((done) => listener!.listen(0, "127.0.0.1", done));
    const { port } = listener.address() as AddressInfo;
    const dialled = { host: "127.0.0.1", port, checkServerIdentity: () => undefined };
    socket = connect({ ...client, ...options, ...dialled });
    // The client is done first; what the server says of the client comes from the server.
    socket.on("error", () => resolve(false));
    socket.resume();
    return await promise;
  } catch {
    // A key or certificate that the library does not load at all.
    return false;
  } finally {
    socket?.destroy();
    listener?.close();
  }
}
