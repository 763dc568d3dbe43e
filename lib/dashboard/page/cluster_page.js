/** Members, as this node and the others see them. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ActionButton } from "./actions.js";
import { Chart } from "./chart.js";
import { duration, labelOf } from "./format.js";
import { html } from "./html.js";
import { useOnce } from "./live.js";
import { Badge, Card, Figure, Missing, Node, Table } from "./parts.js";

/** The value of phi from which on a member counts as silent. */
const silent = 8;
/** Seconds that the chart shows. */
const shown = 300;

export function ClusterPage({ data, about, onAsk, scheme }) {
  const { members, self, leader, observers, converged, missing, extensions, explain } = data;
  const versions = new Set(members.map(({ appVersion }) => appVersion).filter(Boolean));
  const up = members.filter(({ status, reachable }) => status === "up" && reachable).length;
  const unreachable = members.filter(({ reachable }) => !reachable);
  const health = observers.find(({ node }) => node === self)?.facts;
  return html`
    <dl class="figures">
      <${Figure} name="Members up" value=${`${up} of ${members.length}`}
        tone=${up === members.length ? "good" : "fair"} />
      <${Figure} name="Unreachable" value=${unreachable.length}
        tone=${unreachable.length === 0 ? "good" : "bad"} />
      <${Figure} name="Leader" value=${leader ? labelOf(members, leader) : "none"}
        tone=${leader ? "" : "bad"} />
      <${Figure} name="Gossip" value=${converged ? "converged" : "not converged"}
        tone=${converged ? "good" : "fair"}
        note=${missing.length > 0 && `${missing.length} have not confirmed`} />
      <${Figure} name="Local health" value=${health ? health.localHealth : "?"}
        tone=${health?.localHealth === 0 ? "good" : "fair"} note="0 is best" />
      <${Figure} name="Versions" value=${[...versions].join(", ") || "not given"}
        tone=${versions.size > 1 ? "fair" : ""} />
    </dl>
    <${Map} ...${{ members, self, leader }} />
    <${Members} ...${{ members, self, about, onAsk }} />
    <${Matrix} ...${{ members, observers }} />
    <${PhiChart} ...${{ data, members, scheme }} />
    <${Card} title="Extensions" note="as this node reports them">
      <${Table} caption="Extensions" rows=${Object.entries(extensions)} columns=${[
        { head: "Extension", cell: ([name]) => html`<b>${name}</b>` },
        {
          head: "State",
          cell: ([, { healthy }]) => html`<${Badge} state=${healthy ? "healthy" : "unhealthy"} />`,
        },
        {
          head: "Details",
          wrap: true,
          cell: ([, { reason, details = {} }]) =>
            [reason, ...Object.entries(details).map(([name, value]) => `${name} ${value}`)]
              .filter(Boolean).join(", "),
        },
      ]} />
      </${Card}>
      <${Card} title="Why it is so">
        <ul class="lines">${explain.map((line) => html`<li key=${line}>${line}</li>`)}</ul>
        </${Card}>
  `;
}

/** The members in their zones. */
function Map({ members, self, leader }) {
  const zones = new globalThis.Map();
  for (const member of members) {
    const zone = member.zone ?? "no zone";
    zones.set(zone, [...zones.get(zone) ?? [], member]);
  }
  return html`
    <${Card} title="Cluster map" note="members in their zones" wide>
      <div class="zones">
        ${[...zones].sort().map(([zone, inside]) =>
          html`
            <section key=${zone} class="zone" aria-label=${`Zone ${zone}`}>
              <h3>${zone}</h3>
              <ul>
                ${inside.map((member) =>
                  html`<${Tile} key=${member.address} ...${{ member, self, leader }} />`
                )}
              </ul>
            </section>
          `
        )}
      </div>
      </${Card}>
  `;
}

function Tile({ member, self, leader }) {
  const { address, nodeId, status, reachable, unreachable, appVersion } = member;
  const state = reachable ? status : `unreachable`;
  const marks = [address === leader && "leader", address === self && "this node"].filter(Boolean);
  return html`
    <li class=${`tile ${
      !reachable || status === "down" ? "bad" : status === "up" ? "good" : "fair"
    }`}>
      <b>${nodeId || address}</b>
      <span class="mono dim">${address}</span>
      <span><${Badge} state=${state}>${state}${unreachable &&
        `: ${unreachable.reason}`}</${Badge}></span>
      <span class="dim">${[appVersion, ...marks].filter(Boolean).join(" · ")}</span>
    </li>
  `;
}

function Members({ members, self, about, onAsk }) {
  const columns = [
    {
      head: "Member",
      cell: ({ address }) => html`<${Node} address=${address} members=${members} />`,
    },
    { head: "Status", cell: ({ status }) => html`<${Badge} state=${status} />` },
    {
      head: "Reachable",
      wrap: true,
      cell: ({ reachable, unreachable, evidence }) =>
        reachable
          ? evidence ? `downed by ${labelOf(members, evidence.by)}: ${evidence.why}` : "yes"
          : html`<${Badge} kind="bad">no: ${unreachable.reason}</${Badge}> seen by ${
            unreachable.observers.map((one) => labelOf(members, one)).join(", ")
          }`,
    },
    { head: "Zone", cell: ({ zone }) => zone ?? "–" },
    { head: "Version", cell: ({ appVersion }) => appVersion ?? "–" },
    { head: "Roles", cell: ({ roles }) => roles.join(", ") || "–" },
    { head: "Age", number: true, cell: ({ upNumber }) => upNumber || "–" },
    {
      head: "Incarnation",
      cell: ({ incarnation }) => html`<span class="mono dim">${incarnation}</span>`,
    },
  ];
  if (about.actions) {
    columns.push({
      head: "Actions",
      cell: ({ address, status }) => {
        if (status === "down") return "";
        const label = labelOf(members, address);
        return html`
          <${ActionButton} enabled name=${`Leave ${label}`} onAsk=${onAsk}
            action=${{ action: "leave", node: address }} />
          ${address !== self && html`
            <${ActionButton} enabled name=${`Down ${label}`} onAsk=${onAsk}
              action=${{ action: "down", node: address }} />
          `}
        `;
      },
    });
  }
  return html`
    <${Card} title="Members" note="the oldest first" wide>
      <${Table} caption="Members" rows=${members} keyOf=${({ address }) => address}
        columns=${columns} />
      </${Card}>
  `;
}

/** Who monitors whom, with phi. */
function Matrix({ members, observers }) {
  const columns = members.filter(({ status }) => status !== "down");
  return html`
    <${Card} title="Reachability" note="phi, of each observer in a row" wide>
      <div class="scroll" role="region" aria-label="Reachability" tabindex="0">
        <table class="matrix">
          <caption class="hidden">
            Suspicion (phi) of each member, as each observer measures it
          </caption>
          <thead>
            <tr>
              <th scope="col">observer</th>
              ${columns.map(({ address, nodeId }) =>
                html`<th scope="col" key=${address}>${nodeId || address}</th>`
              )}
            </tr>
          </thead>
          <tbody>
            ${columns.map(({ address, nodeId }) => {
              const answer = observers.find(({ node }) => node === address);
              return html`
                <tr key=${address}>
                  <th scope="row">${nodeId || address}</th>
                  ${columns.map((subject) =>
                    html`<${Cell} key=${subject.address} observer=${address} ...${{
                      answer,
                      subject,
                    }} />`
                  )}
                </tr>
              `;
            })}
          </tbody>
        </table>
      </div>
      <p class="dim legend">
        <span class="swatch good"></span> below 3 <span class="swatch fair"></span> suspicious
        <span class="swatch bad"></span> accused, or 8 and above · a dot: not monitored by this observer
      </p>
      <${Missing} answers=${observers} members=${members} />
      </${Card}>
  `;
}

function Cell({ observer, answer, subject }) {
  if (observer === subject.address) {
    return html`<td class="self"><span class="hidden">itself</span></td>`;
  }
  const says = subject.unreachable?.observers.includes(observer);
  const peer = answer?.facts?.peers.find(({ address }) => address === subject.address);
  if (says || peer?.accused) {
    const reason = peer?.reason ?? subject.unreachable?.reason ?? "silent";
    return html`<td class="bad">✕ ${reason}</td>`;
  }
  if (peer === undefined) {
    return html`<td class="none">${answer?.facts ? "·" : "?"}</td>`;
  }
  const { phi, silentFor } = peer;
  const tone = phi >= silent ? "bad" : phi >= 3 ? "fair" : "good";
  return html`<td class=${tone} title=${`silent for ${duration(silentFor)}`}>${
    phi.toFixed(1)
  }</td>`;
}

/** Of the members that this node monitors, over the last minutes. */
function PhiChart({ data, members, scheme }) {
  const past = useOnce("phi", {});
  const samples = useRef([]);
  const [version, setVersion] = useState(0);
  useEffect(() => {
    if (past.data === undefined) return;
    const last = past.data.at(-1)?.at ?? 0;
    samples.current = [...past.data, ...samples.current.filter(({ at }) => at > last)];
    setVersion((before) => before + 1);
  }, [past.data]);
  useEffect(() => {
    const own = data.observers.find(({ node }) => node === data.self)?.facts;
    if (own === undefined) return;
    const phi = Object.fromEntries(
      own.peers.map((peer) => [peer.address, Math.min(peer.phi, 100)]),
    );
    const oldest = data.at - shown * 1_000;
    samples.current = [...samples.current.filter(({ at }) => at > oldest), { at: data.at, phi }];
    setVersion((before) => before + 1);
  }, [data.at]);
  const addresses = useMemo(
    () => [...new Set(samples.current.flatMap(({ phi }) => Object.keys(phi)))].sort().slice(0, 20),
    [version],
  );
  const lines = useMemo(() => [
    samples.current.map(({ at }) => at / 1_000),
    ...addresses.map((address) => samples.current.map(({ phi }) => phi[address] ?? null)),
  ], [version]);
  const names = addresses.map((address) => labelOf(members, address));
  const newest = samples.current.at(-1)?.phi ?? {};
  const words = addresses.map((address, at) =>
    `${names[at]} ${newest[address] ?? "not monitored"}`
  );
  return html`
    <${Card} title="Phi over time" note="as this node measures it; 8 counts as silent" wide>
      ${addresses.length === 0 ? html`<p class="empty">this node monitors no member</p>` : html`
        <${Chart} series=${names} data=${lines} limit=${silent} scheme=${scheme}
          label=${`Phi of each member over the last five minutes. Now: ${words.join(", ")}.`} />
      `}
    </${Card}>
  `;
}
