/** The frame of the page: navigation, summary, and the page that the address names. */
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ActionDialog } from "./actions.js";
import { AsksPage } from "./asks_page.js";
import { CertificatesPage } from "./certificates_page.js";
import { ClientsPage } from "./clients_page.js";
import { ClusterPage } from "./cluster_page.js";
import { DeadLettersPage } from "./dead_letters_page.js";
import { EntitiesPage } from "./entities_page.js";
import { labelOf, learnLabels } from "./format.js";
import { html } from "./html.js";
import { follow } from "./live.js";
import { LogsPage } from "./logs_page.js";
import { Badge } from "./parts.js";
import { ServicesPage } from "./services_page.js";
import { ShardsPage } from "./shards_page.js";
import { TracePage } from "./trace_page.js";

/** `view`: what the node is asked for; parameters come from the address. */
const pages = {
  cluster: { title: "Cluster", view: "cluster", Page: ClusterPage, parametersOf: () => ({}) },
  shards: { title: "Shards", view: "shards", Page: ShardsPage, parametersOf: () => ({}) },
  entities: {
    title: "Entities",
    view: "entities",
    Page: EntitiesPage,
    // The entity itself is asked for when somebody looks at it.
    parametersOf: ({ type, search }) => ({ type, search }),
  },
  services: { title: "Services and topics", view: "services", Page: ServicesPage },
  clients: { title: "Clients", view: "clients", Page: ClientsPage },
  deadLetters: { title: "Dead letters", view: "deadLetters", Page: DeadLettersPage },
  asks: { title: "Asks", view: "asks", Page: AsksPage },
  certificates: { title: "Certificates", view: "certificates", Page: CertificatesPage },
  logs: { title: "Log", view: "logs", Page: LogsPage },
  trace: { title: "Trace", view: "trace", Page: TracePage },
};

const connection = {
  connecting: ["fair", "connecting"],
  live: ["good", "live"],
  lost: ["bad", "connection lost; trying again"],
  ended: ["bad", "access has ended; open the address with the token again"],
};

/** `#/logs?node=a:1` is the page `logs` with a parameter. */
function readAddress() {
  const [, name = "", query = ""] = /^#\/(\w*)(?:\?(.*))?$/.exec(location.hash) ?? [];
  const page = Object.hasOwn(pages, name) ? name : "cluster";
  return { page, parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/** Changes parameters of the page in the address. */
function setParameters(page, parameters) {
  const kept = Object.entries(parameters).filter(([, value]) =>
    value !== "" && value !== undefined
  );
  const query = new URLSearchParams(kept).toString();
  location.hash = `#/${page}${query && `?${query}`}`;
}

function useAddress() {
  const [address, setAddress] = useState(readAddress);
  useEffect(() => {
    const onChange = () => setAddress(readAddress());
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return address;
}

/** `auto` follows the system. */
function useScheme() {
  const [scheme, setScheme] = useState(() => localStorage.getItem("scheme") ?? "auto");
  useEffect(() => {
    localStorage.setItem("scheme", scheme);
    document.documentElement.dataset.scheme = scheme;
  }, [scheme]);
  return [scheme, setScheme];
}

function App() {
  const { page, parameters } = useAddress();
  const [scheme, setScheme] = useScheme();
  const [about, setAbout] = useState({ actions: false });
  const [summary, setSummary] = useState();
  const [shown, setShown] = useState({});
  const [state, setState] = useState("connecting");
  const [asked, setAsked] = useState();
  const heading = useRef(null);
  const { title, view, Page, parametersOf = (given) => given } = pages[page];
  const wanted = JSON.stringify(parametersOf(parameters));

  useEffect(() => {
    fetch("/api/about").then((response) => response.ok ? response.json() : { actions: false })
      .then(setAbout, () => {});
  }, []);
  useEffect(() => {
    const onView = (data) => setShown({ page, wanted, data });
    const onSummary = (summary) => {
      learnLabels(summary.members);
      setSummary(summary);
    };
    return follow(view, JSON.parse(wanted), { onView, onSummary, onState: setState });
  }, [page, wanted]);
  useEffect(() => {
    document.title = `${title} · ${summary?.name ?? "Casty"}`;
  }, [title, summary?.name]);
  const first = useRef(true);
  useEffect(() => {
    // Who has chosen a page by the keyboard or a screen reader goes on at its heading.
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [page]);

  const data = shown.page === page ? shown.data : undefined;
  // What is shown was asked for before the viewer chose something else, such as another node.
  const isOld = data !== undefined && shown.wanted !== wanted;
  const isCut = state === "lost" || state === "ended";
  const set = (changed) => setParameters(page, { ...parameters, ...changed });
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      heading.current.focus();
    }}>Skip to the content</a>
    <header class="top">
      <span class="brand"><span class="mark" aria-hidden="true"></span>
        ${summary?.name ?? "Casty"}</span>
      <${Summary} summary=${summary} isOld=${isCut} />
      <span class="spring"></span>
      <span role="status"><${Badge} kind=${connection[state][0]}>${connection[state][
        1
      ]}</${Badge}></span>
      <label class="field inline">Colours
        <select value=${scheme} onChange=${(event) => setScheme(event.target.value)}>
          <option value="auto">as the system</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
    </header>
    <nav aria-label="Pages">
      <ul>
        ${Object.entries(pages).map(([name, { title }]) =>
          html`
            <li key=${name}>
              <a href=${`#/${name}`} aria-current=${name === page ? "page" : undefined}>${title}</a>
            </li>
          `
        )}
      </ul>
      <p class="dim">${about.actions ? "Actions are enabled" : "Read-only"}</p>
    </nav>
    <main id="main" class=${isOld || isCut ? "old" : ""} aria-busy=${isOld ? "true" : "false"}>
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      ${data === undefined
        ? html`<p class="empty">waiting for the node</p>`
        : data.failed
        ? html`<p class="failed" role="alert">The node cannot tell: ${data.failed}</p>`
        : html`<${Page} key=${page} ...${{
          data,
          summary,
          about,
          scheme,
          parameters,
          set,
          onAsk: setAsked,
        }} />`}
    </main>
    <${ActionDialog} asked=${asked} onClose=${() => setAsked(undefined)} />
  `;
}

/** The state of the cluster in one line; changes are read out. */
function Summary({ summary, isOld }) {
  if (summary === undefined) return null;
  const { members, unreachable, leader, self } = summary;
  const isUp = ({ status, address }) => status === "up" && !unreachable.includes(address);
  const up = members.filter(isUp).length;
  return html`
    <span class=${`summary ${isOld ? "old" : ""}`}>
      <span class="dim">node</span> <b>${labelOf(members, self)}</b>
      <span class="summary" role="status">
        <${Badge} kind=${up === members.length ? "good" : "fair"}>${up} of ${members
          .length} up</${Badge}>
        ${unreachable.length > 0 && html`
          <${Badge} kind="bad">unreachable: ${unreachable.map((one) => labelOf(members, one)).join(
            ", ",
          )}</${Badge}>
        `}
      </span>
      <span class="dim">leader</span> <b>${leader ? labelOf(members, leader) : "none"}</b>
    </span>
  `;
}

const app = document.getElementById("app");
app.replaceChildren();
render(html`<${App} />`, app);
