/** Messages that were lost at a node. */
import { count, timeOf } from "./format.js";
import { html } from "./html.js";
import { Card, Figure, OfNode, Table } from "./parts.js";

export function DeadLettersPage({ data, parameters, set }) {
  return html`
    <${OfNode} ...${{ data, parameters, set }}>
      ${({ counts, samples }) =>
        html`
          <dl class="figures">
            ${Object.entries(counts).sort(([, a], [, b]) => b - a).map(([reason, lost]) =>
              html`<${Figure} key=${reason} name=${reason} value=${count(lost)} />`
            )}
            ${Object.keys(counts).length === 0 &&
              html`<${Figure} name="Lost" value="0" tone="good" />`}
          </dl>
          <${Card} title="Last samples" note="the newest first; at most 20 a second are kept" wide>
            <${Table} caption="Lost messages" rows=${samples}
              empty="no message was lost since the dashboard was opened"
              columns=${[
                { head: "Time", cell: ({ at }) => timeOf(at) },
                { head: "Reason", cell: ({ reason }) => html`<b>${reason}</b>` },
                { head: "Receiver", mono: true, wrap: true, cell: ({ target }) => target },
                { head: "Type", cell: ({ messageType }) => messageType },
                {
                  head: "Message",
                  mono: true,
                  text: true,
                  cell: ({ message }) => message ?? "not shown",
                },
              ]} />
            </${Card}>
        `}
    </${OfNode}>
  `;
}
