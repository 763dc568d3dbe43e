/** Where the shards of a type are, and how they got there. */
import { useRef, useState } from "preact/hooks";
import { ActionButton } from "./actions.js";
import { byLabel, count, labelOf, timeOf } from "./format.js";
import { html } from "./html.js";
import { Badge, Card, Figure, Node, Table } from "./parts.js";

const colours = 8;
/** More are not sent, nor drawn. */
const maxSquares = 4_096;

export function ShardsPage({ data, about, onAsk, parameters, set }) {
  const { types, leader, members, moves, explain, problem, complete, source } = data;
  const type = types.find(({ shardType }) => shardType === parameters.type) ??
    types.find(({ shardType }) => !shardType.startsWith("_")) ?? types[0];
  const owners = members.map(({ address }) => address).sort(byLabel(members));
  const [choice, setChoice] = useState();
  // A number means another shard in another type.
  const chosen = choice?.shardType === type?.shardType ? choice?.shard : undefined;
  const setChosen = (shard) => setChoice({ shardType: type.shardType, shard });
  const shard = type?.shards.find((one) => one.shard === chosen);
  return html`
    <div class="bar">
      <label class="field">Shard type
        <select value=${type?.shardType} onChange=${(event) => set({ type: event.target.value })}>
          ${types.map(({ shardType }) =>
            html`<option key=${shardType} value=${shardType}>${shardType}</option>`
          )}
        </select>
      </label>
      <${ActionButton} enabled=${about.actions && type} name=${`Rebalance ${type?.shardType}`}
        action=${{ action: "rebalance", type: type?.shardType }} onAsk=${onAsk} />
    </div>
    ${problem && html`<p class="failed" role="alert">${problem}; what this node knows is shown</p>`}
    ${type === undefined ? html`<p class="empty">no shard type is known here</p>` : html`
      <dl class="figures">
        <${Figure} name="Shards with an owner" value=${`${type.shards.length} of ${type.numShards}`}
          tone=${type.shards.length === type.numShards ? "good" : "fair"} />
        <${Figure} name="Coordinator" value=${leader ? labelOf(members, leader) : "none"}
          tone=${leader ? "" : "bad"}
          note=${complete ? "" : `as ${labelOf(members, source)} knows them`} />
        <${Figure} name="Moving" value=${type.shards.filter(isMoving).length} />
        <${Figure} name="Messages that wait" value=${count(type.waiting)}
          tone=${type.waiting > 0 ? "fair" : ""} note="at the node that answers" />
      </dl>
      ${type.obstacle && html`<p class="failed" role="alert">${type.obstacle}</p>`}
      ${type.cut && html`
        <p class="missing">Only the first shards are shown: ${count(
          maxSquares,
        )} of all types together.</p>
      `}
      <${Card} title="Shards" note="one square each, with the number of its node" wide>
        <${Owners} ...${{ type, owners, members }} />
        <${Grid} ...${{ type, owners, members, chosen, setChosen }} />
        <${Details} ...${{ type, shard, chosen, members, moves }} />
        </${Card}>
    `}
    <${Card} title="Moves" note="the newest first" wide>
      ${data.movesMissing && html`<p class="missing">${data.movesMissing}</p>`}
      <${Table} caption="Moves of shards" empty="no shard has moved since the coordinator's dashboard was opened"
        rows=${moves.slice(0, 100)} columns=${moveColumns(members)}
        keyOf=${({ at, shardType, shard, step }) => `${at} ${shardType} ${shard} ${step}`} />
    </${Card}>
    <${Card} title="Why it is so" wide>
      <ul class="lines">${explain.map((line) => html`<li key=${line}>${line}</li>`)}</ul>
    </${Card}>
  `;
}

const isMoving = ({ phase }) => phase !== undefined && phase !== "running";

/** The number and colour of a node. */
const toneOf = (owners, owner) => `o${(owners.indexOf(owner) + colours) % colours}`;

function moveColumns(members) {
  const node = (address) => address ? html`<${Node} address=${address} members=${members} />` : "–";
  return [
    { head: "Time", cell: ({ at }) => timeOf(at) },
    { head: "Type", cell: ({ shardType }) => shardType },
    { head: "Shard", number: true, cell: ({ shard }) => shard },
    { head: "Step", cell: ({ step }) => step === "handOff" ? "hand-off" : step },
    { head: "From", cell: ({ from }) => node(from) },
    { head: "To", cell: ({ to }) => node(to) },
    { head: "Epoch", cell: ({ epoch }) => html`<span class="mono">${epoch ?? "–"}</span>` },
    { head: "Why", text: true, cell: ({ why }) => why },
  ];
}

function Owners({ type, owners, members }) {
  const shares = owners.map((owner) => ({
    owner,
    shards: type.shards.filter((shard) => shard.owner === owner).length,
  }));
  return html`
    <ul class="owners" aria-label="Shards of each node">
      ${shares.map(({ owner, shards }) =>
        html`
          <li key=${owner}>
            <span class=${`square ${toneOf(owners, owner)}`} aria-hidden="true">
              ${owners.indexOf(owner) + 1}
            </span>
            <b>${labelOf(members, owner)}</b> <span class="dim">${shards} shards</span>
          </li>
        `
      )}
    </ul>
  `;
}

/** Arrow keys move within the grid; the tab key leaves it. */
function Grid({ type, owners, members, chosen, setChosen }) {
  const grid = useRef(null);
  const [at, setAt] = useState(0);
  const place = Math.min(at, type.numShards - 1, maxSquares - 1);
  const byNumber = new Map(type.shards.map((shard) => [shard.shard, shard]));
  const onKey = (event) => {
    const first = grid.current.children[0];
    const perRow = Math.max(1, Math.floor(grid.current.clientWidth / (first.offsetWidth + 3)));
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(type.numShards - 1, maxSquares - 1, place + step));
    setAt(next);
    grid.current.children[next].focus();
  };
  return html`
    <div class="grid" role="group" aria-label="Shards; arrow keys move" ref=${grid}
      onKeyDown=${onKey}>
      ${Array.from({ length: Math.min(type.numShards, maxSquares) }, (_, number) => {
        const shard = byNumber.get(number);
        const owner = shard && labelOf(members, shard.owner);
        const moving = shard && isMoving(shard);
        const sign = shard ? owners.indexOf(shard.owner) + 1 || "?" : "–";
        return html`
          <button key=${number} type="button" tabindex=${number === place ? 0 : -1}
            class=${`square ${shard ? toneOf(owners, shard.owner) : "none"} ${
              moving ? "moving" : ""
            }`}
            aria-pressed=${number === chosen}
            aria-label=${`shard ${number}: ${sign}, ${owner ?? "no owner"}${
              moving ? ", moving" : ""
            }`}
            title=${`shard ${number}: ${owner ?? "no owner"}`}
            onClick=${() => {
              setAt(number);
              setChosen(number);
            }}>
            ${sign}
          </button>
        `;
      })}
    </div>
  `;
}

function Details({ type, shard, chosen, members, moves }) {
  if (chosen === undefined) {
    return html`<p class="dim">choose a shard to see why it is where it is</p>`;
  }
  const own = moves.filter((move) => move.shardType === type.shardType && move.shard === chosen);
  return html`
    <div role="status" class="details">
      <h3>Shard ${chosen}</h3>
      ${shard === undefined ? html`<p>It has no owner, as far as is known.</p>` : html`
        <p>
          <${Node} address=${shard.owner} members=${members} /> owns it by the grant with epoch
          <span class="mono"> ${shard.epoch}</span>
          ${shard.phase && html`
            <${Badge} state=${shard.phase} />
          `}
          ${shard.target && html`
            it moves to <b>${labelOf(members, shard.target)}</b>
          `}
        </p>
      `}
      <p>${own.length === 0
        ? "It has not moved since the coordinator's dashboard was opened."
        : `Last step at ${timeOf(own[0].at)}: ${own[0].step}, because ${own[0].why}.`}</p>
    </div>
  `;
}
