/** Asks of a node: the slowest, and those that failed. */
import { count, duration, timeOf } from "./format.js";
import { html } from "./html.js";
import { Badge, Card, Figure, OfNode, Table } from "./parts.js";

const time = { head: "Ended", cell: ({ at }) => timeOf(at) };
const target = { head: "Asked", mono: true, wrap: true, cell: (ask) => ask.target };
const took = { head: "Took", number: true, cell: ({ ms }) => duration(ms) };

export function AsksPage({ data, parameters, set }) {
  return html`
    <${OfNode} ...${{ data, parameters, set }}>
      ${({ ended, failed, pending, slowest, failing }) =>
        html`
          <dl class="figures">
            <${Figure} name="Asks" value=${count(ended)} note="since the dashboard was opened" />
            <${Figure} name="Failed" value=${count(failed)} tone=${failed > 0 ? "fair" : "good"} />
            <${Figure} name="Waiting now" value=${count(pending)} />
          </dl>
          <${Card} title="Slowest" note="of the last ten minutes" wide>
            <${Table} caption="Slowest asks" rows=${slowest} empty="none" columns=${[
              took,
              target,
              {
                head: "Result",
                cell: ({ outcome }) =>
                  outcome
                    ? html`<${Badge} kind="bad">${outcome}</${Badge}>`
                    : html`<${Badge} kind="good">answered</${Badge}>`,
              },
              time,
            ]} />
            </${Card}>
            <${Card} title="Failing" note="the newest first" wide>
              <${Table} caption="Asks that failed" rows=${failing} empty="none" columns=${[
                time,
                target,
                { head: "Code", cell: ({ outcome }) => html`<b>${outcome}</b>` },
                took,
                { head: "Error", text: true, cell: ({ error }) => error },
              ]} />
              </${Card}>
        `}
    </${OfNode}>
  `;
}
