/** Services and topics of all nodes. */
import { byLabel, count } from "./format.js";
import { html } from "./html.js";
import { Card, Missing, Node, Table } from "./parts.js";

export function ServicesPage({ data }) {
  const { answers, nodes } = data;
  const order = byLabel(nodes);
  const known = answers.filter(({ missing }) => missing === undefined);
  const services = known.flatMap(({ node, facts }) =>
    facts.services.map((service) => ({ node, ...service }))
  ).sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : order(a.node, b.node));
  const topics = known.flatMap(({ node, facts }) =>
    facts.topics.map((topic) => ({ node, ...topic }))
  ).sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : order(a.node, b.node));
  const node = {
    head: "Node",
    cell: ({ node }) => html`<${Node} address=${node} members=${nodes} />`,
  };
  return html`
    <${Card} title="Services" note="actors that are registered at the receptionist" wide>
      <${Table} caption="Services" rows=${services} empty="no actor offers a service"
        keyOf=${({ node, key }) => `${node} ${key}`} columns=${[
          { head: "Service", cell: ({ key }) => html`<b>${key}</b>` },
          node,
          { head: "Actors", number: true, cell: ({ actors }) => count(actors) },
          { head: "Paths", mono: true, wrap: true, cell: ({ paths }) => paths.join(", ") },
        ]} />
      </${Card}>
      <${Card} title="Topics" note="with the subscribers of each node" wide>
        <${Table} caption="Topics" rows=${topics} empty="no topic is open"
          keyOf=${({ node, name }) => `${node} ${name}`} columns=${[
            { head: "Topic", cell: ({ name }) => html`<b>${name}</b>` },
            node,
            { head: "Subscribers", number: true, cell: ({ subscribers }) => count(subscribers) },
            { head: "Clients", number: true, cell: ({ clients }) => count(clients) },
            { head: "Retained", number: true, cell: ({ retained }) => count(retained) },
          ]} />
        </${Card}>
        <${Missing} answers=${answers} members=${nodes} />
  `;
}
