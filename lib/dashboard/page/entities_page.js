/** Entities that run, and one of them. */
import { useState } from "preact/hooks";
import { ActionButton } from "./actions.js";
import { bytes, count, dateOf } from "./format.js";
import { html } from "./html.js";
import { useOnce } from "./live.js";
import { Badge, Card, Missing, Node, Table } from "./parts.js";
import { useTyped } from "./typed.js";

export function EntitiesPage({ data, summary, about, onAsk, parameters, set }) {
  const members = summary?.members ?? [];
  const { types, type, answers } = data;
  const [text, setText] = useTyped(parameters.search ?? parameters.id ?? "");
  const find = (event) => {
    event.preventDefault();
    set({ type, search: text, id: text });
  };
  const lists = answers.filter(({ missing }) => missing === undefined);
  const running = lists.reduce((sum, { facts }) => sum + facts.running, 0);
  const rows = lists.flatMap(({ node, facts }) => facts.ids.map((id) => ({ id, node })))
    .sort((a, b) => a.id < b.id ? -1 : 1);
  return html`
    <form class="bar" role="search" onSubmit=${find}>
      <label class="field">Entity type
        <select value=${type} onChange=${(event) => set({ type: event.target.value, id: "" })}>
          ${types.map(({ shardType }) =>
            html`<option key=${shardType} value=${shardType}>${shardType}</option>`
          )}
        </select>
      </label>
      <label class="field">Entity id
        <input name="id" value=${text} spellcheck="false" autocomplete="off"
          onInput=${(event) => setText(event.target.value)} />
      </label>
      <button type="submit" class="primary">Find</button>
      ${parameters.search && html`
        <button type="button" onClick=${() => {
          setText("");
          set({ search: "", id: "" });
        }}>Show all</button>
      `}
    </form>
    ${parameters.id && html`
      <${Entity} key=${`${type}/${parameters.id}`} ...${{
        type,
        id: parameters.id,
        members,
        about,
        onAsk,
      }} />
    `}
    <${Card} title="Running" note=${`${count(running)} of "${type}"${
      parameters.search ? `; those with "${parameters.search}" in their id are shown` : ""
    }`} wide=${!parameters.id}>
      <${Table} caption="Entities that run" rows=${rows} keyOf=${({ id, node }) => `${node} ${id}`}
        empty="no such entity runs" columns=${[
          {
            head: "Entity",
            cell: ({ id }) =>
              html`
                <button type="button" class="link mono" onClick=${() =>
                  set({ type, id })}>${id}</button>
              `,
          },
          {
            head: "Node",
            cell: ({ node }) => html`<${Node} address=${node} members=${members} />`,
          },
        ]} />
      ${lists.some(({ facts }) => facts.matching > facts.ids.length) && html`
        <p class="dim">200 of each node are shown; search for others</p>
      `}
      <${Missing} answers=${answers} members=${members} />
    </${Card}>
  `;
}

/** One entity. It is asked once: to look at a state wakes its actor. */
function Entity({ type, id, members, about, onAsk }) {
  const [again, setAgain] = useState(0);
  const { data, failed, loading } = useOnce("entity", { type, id }, again);
  const title = html`Entity <span class="mono">${id}</span>`;
  const refresh = html`
    <button type="button" onClick=${() => setAgain(again + 1)}>Look again</button>
  `;
  return html`
    <${Card} title=${title} actions=${refresh}>
      <div aria-live="polite" aria-busy=${loading ? "true" : "false"}>
        ${failed && html`<p class="failed">${failed}</p>`}
        ${data === undefined
          ? html`<p class="empty">looking for it</p>`
          : html`<${Found} ...${{ data, members, about, onAsk }} />`}
      </div>
      </${Card}>
  `;
}

function Found({ data, members, about, onAsk }) {
  const { type, id, owner, place, there, state } = data;
  if (place.missing !== undefined) {
    return html`<${Missing} answers=${[place]} members=${members} />`;
  }
  if (owner === undefined) {
    return html`<p>Its shard has no owner, as far as is known: it starts with its first message.</p>`;
  }
  const here = there.facts?.here;
  const { shard, epoch } = place.facts;
  return html`
    <dl class="facts">
      <dt>Node</dt>
      <dd><${Node} address=${owner} members=${members} /></dd>
      <dt>Shard</dt>
      <dd>${shard} <span class="dim">epoch</span> <span class="mono">${epoch}</span></dd>
      <dt>State</dt>
      <dd>${here
        ? html`<${Badge} state="running" />`
        : html`<${Badge} kind="fair">not running</${Badge}>`}
        ${here?.busy && html`<span class="dim"> has work</span>`}</dd>
      ${here && html`
        <dt>Mailbox</dt>
        <dd>${count(here.mailbox)} ${here.mailbox === 1 ? "message waits" : "messages wait"}</dd>
        <dt>Path</dt>
        <dd>
          <a class="mono" href=${`#/trace?${new URLSearchParams({ node: owner, path: here.path })}`}
            title="trace its messages">${here.path}</a>
        </dd>
      `}
    </dl>
    <${ActionButton} enabled=${about.actions && here} name=${`Stop entity ${id}`}
      action=${{ action: "stopEntity", type, id }} onAsk=${onAsk} />
    <${Missing} answers=${[there]} members=${members} />
    ${here && html`<${State} ...${{ state, members }} />`}
  `;
}

function State({ state, members }) {
  if (state.missing !== undefined) {
    return html`<${Missing} answers=${[state]} members=${members} />`;
  }
  const { hidden, id, seq, bytes: size, isWriting, state: text, events } = state.facts;
  return html`
    ${hidden && html`<p class="dim">Not shown: ${hidden}.</p>`}
    ${text && html`
      <h3>State after event ${seq}${isWriting ? ", with events that are being written" : ""}</h3>
      <pre class="state" tabindex="0" aria-label="State">${text}</pre>
      <p class="dim">${bytes(size)} stored as <span class="mono">${id}</span></p>
    `}
    ${events && html`
      <h3>Last events</h3>
      <${Table} caption="Last events in the journal" rows=${events} keyOf=${({ seq }) => seq}
        empty="its journal has none" columns=${[
          { head: "Number", number: true, cell: ({ seq }) => seq },
          { head: "Stored", cell: ({ at }) => dateOf(at) },
          { head: "Event", mono: true, text: true, cell: ({ event }) => event },
        ]} />
    `}
  `;
}
