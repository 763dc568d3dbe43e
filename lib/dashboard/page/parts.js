/** Parts that all pages use. */
import { html } from "./html.js";
import { labelOf } from "./format.js";

const good = ["up", "running", "live", "healthy", "reachable"];
const fair = [
  "joining",
  "weaklyUp",
  "leaving",
  "exiting",
  "granted",
  "handingOff",
  "stalled",
  "info",
];

/** A state in words, with a shape and a colour. */
export function Badge({ state, kind, children }) {
  const tone = kind ?? (good.includes(state) ? "good" : fair.includes(state) ? "fair" : "bad");
  return html`
    <span class=${`badge ${tone}`}>${children ?? state}</span>
  `;
}

/** A node: its label, and its address. */
export function Node({ address, members }) {
  const label = labelOf(members, address);
  if (label === address) return html`<span class="mono">${address}</span>`;
  return html`<span class="node"><b>${label}</b> <span class="mono dim">${address}</span></span>`;
}

/** A section with a heading. */
export function Card({ title, note, actions, children, wide }) {
  return html`
    <section class=${`card ${wide ? "wide" : ""}`}>
      <header>
        <h2>${title}</h2>
        ${note && html`<span class="dim">${note}</span>`} ${actions}
      </header>
      ${children}
    </section>
  `;
}

/**
 * A table. `columns`: `{ head, cell, number?, mono?, wrap?, text? }`: with `wrap` a cell breaks its
 * lines, with `text` it is also wide enough to be read; `caption` names the table for those who do not
 * see the heading.
 */
export function Table({ caption, columns, rows, keyOf, empty }) {
  if (rows.length === 0) return html`<p class="empty">${empty ?? "nothing yet"}</p>`;
  return html`
    <div class="scroll" role="region" aria-label=${caption} tabindex="0">
      <table>
        <caption class="hidden">${caption}</caption>
        <thead>
          <tr>
            ${columns.map(({ head, number }) =>
              html`<th scope="col" class=${number ? "number" : ""}>${head}</th>`
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row, at) =>
            html`
              <tr key=${keyOf ? keyOf(row) : at}>
                ${columns.map(({ cell, number, mono, wrap, text }) =>
                  html`
                    <td class=${[
                      number && "number",
                      mono && "mono",
                      (wrap || text) && "wrap",
                      text && "text",
                    ].filter(Boolean).join(" ")}>
                      ${cell(row)}
                    </td>
                  `
                )}
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** Nodes that could not be asked, and why. */
export function Missing({ answers, members }) {
  const missing = answers.filter((answer) => answer.missing !== undefined);
  if (missing.length === 0) return null;
  return html`
    <ul class="missing" aria-label="Nodes that could not be asked">
      ${missing.map(({ node, why }) =>
        html`<li key=${node}>could not ask <b>${labelOf(members, node)}</b>: ${why}</li>`
      )}
    </ul>
  `;
}

/** Chooses one of the members, or the node of the address of the page, which may be gone. */
export function NodeChoice({ members, value, self, onChange }) {
  const chosen = value || self;
  const isGone = !members.some(({ address }) => address === chosen);
  const nodes = isGone ? [...members, { address: chosen }] : members;
  const noteOf = (address) =>
    address === self ? ", this node" : isGone && address === chosen ? ", no member" : "";
  return html`
    <label class="field">Node
      <select value=${chosen} onChange=${(event) => onChange(event.target.value)}>
        ${nodes.map(({ address }) => {
          const label = labelOf(members, address);
          return html`
            <option key=${address} value=${address}>
              ${label === address ? address : `${label} (${address})`}${noteOf(address)}
            </option>
          `;
        })}
      </select>
    </label>
  `;
}

/** What one node has answered, and the choice of the node. */
export function OfNode({ data, parameters, set, children }) {
  const { answer, nodes, self } = data;
  return html`
    <div class="bar">
      <${NodeChoice} members=${nodes} value=${parameters.node} self=${self}
        onChange=${(node) => set({ node })} />
    </div>
    <${Answered} answer=${answer} members=${nodes}>${children}</${Answered}>
  `;
}

/** What a single node has answered, or why not. */
export function Answered({ answer, members, children }) {
  if (answer === undefined) return null;
  if (answer.missing !== undefined) {
    return html`<${Missing} answers=${[answer]} members=${members} />`;
  }
  return children(answer.facts);
}

/** A number with its name. */
export function Figure({ name, value, tone, note }) {
  return html`
    <div class=${`figure ${tone ?? ""}`}>
      <dt>${name}</dt>
      <dd>${value}${note && html`<small>${note}</small>`}</dd>
    </div>
  `;
}
