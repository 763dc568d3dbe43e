import type { Network } from "../runtime/network.ts";
import { TcpNetwork } from "./tcp/tcp_network.ts";
import { TlsNetwork } from "./tls/tls_network.ts";

const tcp = new TcpNetwork();
const tls = new TlsNetwork();

/** The machine's network: mutual TLS where the options carry `tls`, plain TCP otherwise. */
export const systemNetwork: Network = {
  listen: (options) => (options.tls === undefined ? tcp : tls).listen(options),
  dial: (options) => (options.tls === undefined ? tcp : tls).dial(options),
};
