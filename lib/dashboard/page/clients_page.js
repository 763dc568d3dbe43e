/** Clients that are connected to the nodes. */
import { bytes, count } from "./format.js";
import { html } from "./html.js";
import { Card, Missing, Node, Table } from "./parts.js";

export function ClientsPage({ data }) {
  const { answers, nodes } = data;
  const rows = answers.filter(({ missing }) => missing === undefined)
    .flatMap(({ node, facts }) => facts.clients.map((client) => ({ node, ...client })));
  return html`
    <${Card} title="Clients" note=${`${count(rows.length)} connections`} wide>
      <${Table} caption="Clients" rows=${rows} empty="no client is connected"
        keyOf=${({ node, address }) => `${node} ${address}`} columns=${[
          { head: "Client", mono: true, wrap: true, cell: ({ address }) => address },
          { head: "Certificate", cell: ({ name }) => name ?? "none: not encrypted" },
          {
            head: "Connected to",
            cell: ({ node }) => html`<${Node} address=${node} members=${nodes} />`,
          },
          { head: "Socket", mono: true, cell: ({ remote }) => remote },
          { head: "Queued", number: true, cell: ({ queued }) => count(queued) },
          { head: "Bytes", number: true, cell: ({ queuedBytes }) => bytes(queuedBytes) },
        ]} />
      <${Missing} answers=${answers} members=${nodes} />
      </${Card}>
  `;
}
