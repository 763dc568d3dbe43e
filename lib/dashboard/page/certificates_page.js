/** Certificates in use, those that end first at the top. */
import { dateOf } from "./format.js";
import { html } from "./html.js";
import { Badge, Card, Missing, Node, Table } from "./parts.js";

const day = 86_400_000;

export function CertificatesPage({ data }) {
  const { answers, nodes, at } = data;
  const known = answers.filter(({ missing }) => missing === undefined);
  const plain = known.filter(({ facts }) => !facts.tls);
  const found = new Map();
  for (const { node, facts } of known) {
    for (const { of, ...certificate } of facts.certificates) {
      const one = found.get(certificate.fingerprint) ?? { ...certificate, holders: new Set() };
      one.holders.add(of === "own" ? node : of);
      found.set(certificate.fingerprint, one);
    }
  }
  const rows = [...found.values()].sort((a, b) => a.notAfter - b.notAfter);
  return html`
    ${plain.length > 0 && html`
      <p class="failed" role="alert">
        Connections are not encrypted at ${plain.length} of ${known
          .length} nodes: no certificates are used.
      </p>
    `}
    <${Card} title="Certificates" note="of nodes and connected clients; the first to end at the top"
      wide>
      <${Table} caption="Certificates" rows=${rows} empty="none" keyOf=${({ fingerprint }) =>
        fingerprint}
        columns=${[
          { head: "Name", cell: ({ name }) => html`<b>${name}</b>` },
          { head: "Kind", cell: ({ kind }) => kind },
          {
            head: "Shown by",
            wrap: true,
            cell: ({ holders }) =>
              [...holders].map((holder) =>
                html`
                  <div>
                    <${Node} address=${holder} members=${nodes} />
                  </div>
                `
              ),
          },
          {
            head: "Valid until",
            cell: ({ notAfter }) => notAfter ? dateOf(notAfter) : "not known",
          },
          { head: "Left", cell: ({ notAfter }) => html`<${Left} days=${(notAfter - at) / day} />` },
          { head: "Hosts", mono: true, wrap: true, cell: ({ hosts }) => hosts.join(", ") },
          {
            head: "Fingerprint",
            mono: true,
            cell: ({ fingerprint }) =>
              html`<span title=${fingerprint}>${fingerprint.slice(0, 16)}…</span>`,
          },
        ]} />
      <${Missing} answers=${answers} members=${nodes} />
      </${Card}>
  `;
}

function Left({ days }) {
  if (days < 0) return html`<${Badge} kind="bad">expired</${Badge}>`;
  const kind = days < 7 ? "bad" : days < 30 ? "fair" : "good";
  const text = days < 2 ? `${Math.floor(days * 24)} hours` : `${Math.floor(days)} days`;
  return html`<${Badge} kind=${kind}>${text}</${Badge}>`;
}
