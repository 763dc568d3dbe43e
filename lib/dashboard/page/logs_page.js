/** The end of a node's log. */
import { useState } from "preact/hooks";
import { dateOf, timeOf } from "./format.js";
import { html } from "./html.js";
import { Answered, Card, NodeChoice } from "./parts.js";

export function LogsPage({ data, parameters, set }) {
  const { answer, nodes, self } = data;
  // Lines that are held belong to the node and the level that were chosen then.
  const of = JSON.stringify([parameters.node, parameters.level]);
  const [held, setHeld] = useState();
  const kept = held?.of === of ? held.answer : undefined;
  const shown = kept ?? answer;
  return html`
    <div class="bar">
      <${NodeChoice} members=${nodes} value=${parameters.node} self=${self}
        onChange=${(node) => set({ node })} />
      <label class="field">Level
        <select value=${parameters.level ?? "info"} onChange=${(event) =>
          set({ level: event.target.value })}>
          ${["debug", "info", "warn", "error"].map((level) =>
            html`<option key=${level} value=${level}>${level} and above</option>`
          )}
        </select>
      </label>
      <button type="button" aria-pressed=${kept !== undefined}
        onClick=${() => setHeld(kept === undefined ? { of, answer } : undefined)}>
        ${kept === undefined ? "Hold" : "Go on"}
      </button>
    </div>
    <${Card} title="Log" note="the newest first, since the dashboard was opened" wide>
      <${Answered} answer=${shown} members=${nodes}>
        ${(lines) =>
          lines.length === 0 ? html`<p class="empty">no line yet</p>` : html`
            <div class="log" role="log" aria-live="off" tabindex="0" aria-label="Lines of the log">
              <ol>
              ${lines.toReversed().map(({ number, at, level, text }) =>
                html`
                  <li key=${number} class=${level}>
                    <time title=${dateOf(at)}>${timeOf(at)}</time> ${text}
                  </li>
                `
              )}
              </ol>
            </div>
          `}
      </${Answered}>
    </${Card}>
  `;
}
