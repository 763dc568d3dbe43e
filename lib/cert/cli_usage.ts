import { workspaceCommandsOverview } from "./workspace_commands.ts";

const overview = `Certificates for a cluster.

Examples:
  deno run -A cert.ts init --out certs --nodes 3 --client me
  deno run -A cert.ts create-ca --out certs
  deno run -A cert.ts create-node node-1 localhost 127.0.0.1 --ca-dir certs --out certs/node-1
  deno run -A cert.ts create-client shop --ca-dir certs --out certs/shop
  deno run -A cert.ts info certs/node-1/node.crt
  deno run -A cert.ts list certs
  deno run -A cert.ts doctor certs/node-1 certs/node-2

Commands:
  create-ca       make a certificate authority
  create-node     issue a certificate for a node, a member of the cluster
  create-client   issue a certificate for a client, which never becomes a member
  info            say what a certificate says
  list            list the certificates of a directory
${workspaceCommandsOverview}
  COMMAND --help  tells more of one

Exit codes: 0 done, 1 failed, 2 wrong use.
`;

const ofCommand: Readonly<Record<string, string>> = {
  "create-ca": `Makes a certificate authority: ca.crt and ca.key.

Example:
  deno run -A cert.ts create-ca --out certs

Options:
  --out DIR         where to write; made if it is not there (required)
  --validity DAYS   1 to 36500 (365)
  --cn NAME         common name, up to 64 characters (casty-ca)
  --force           overwrite
`,
  "create-node": `Issues a certificate for a node: node.crt and node.key.

Example:
  deno run -A cert.ts create-node node-1 localhost 127.0.0.1 --ca-dir certs --out certs/node-1

Arguments:
  HOST...           names and IP addresses under which the node is reached

Options:
  --ca-dir DIR      where ca.crt and ca.key are (required)
  --out DIR         where to write (required)
  --validity DAYS   1 to 36500, not beyond the authority's (90)
  --cn NAME         common name (the first host)
  --force           overwrite
`,
  "create-client": `Issues a certificate for a client: client.crt and client.key.

Example:
  deno run -A cert.ts create-client shop --ca-dir certs --out certs/shop

Arguments:
  NAME              letters, digits, dots, dashes and underscores, up to 64

Options:
  --ca-dir DIR      where ca.crt and ca.key are (required)
  --out DIR         where to write (required)
  --validity DAYS   1 to 36500, not beyond the authority's (90)
  --force           overwrite
`,
  info: `Says what a certificate says.

Example:
  deno run -A cert.ts info certs/node-1/node.crt
`,
  list: `Lists the certificates (*.crt, *.pem) of a directory.

Example:
  deno run -A cert.ts list certs
`,
};

/** The help of a command, or of all. */
export function usageOf(command: string | undefined): string {
  return command === undefined ? overview : ofCommand[command] ?? overview;
}
