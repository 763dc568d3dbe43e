import { testCa } from "../cert/authority/test_ca.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { platform } from "../runtime/platform.ts";
import { randomId } from "../runtime/random.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { systemRandom } from "../runtime/system_random.ts";
import type { AppPlace } from "./app_place.ts";
import { openInBrowser } from "./browser.ts";
import { KeyInput } from "./key_input.ts";
import { LogPrinter } from "./log_printer.ts";
import { NodeProcess } from "./node_process.ts";
import type { NodeReport, NodeStart } from "./node_start.ts";
import { PartitionProxy } from "./partition_proxy.ts";
import { SourceWatch } from "./source_watch.ts";
import {
  initialUpState,
  keyHelp,
  nextUpState,
  type UpEffect,
  type UpEvent,
  type UpState,
} from "./supervisor.ts";

/** How a cluster for development starts. */
export interface LocalClusterStart {
  /** 1 to 9. */
  readonly nodes: number;
  readonly place: AppPlace;
  /** Folders of sources besides that of the application, absolute. */
  readonly watched: readonly string[];
  readonly systemName: string;
  readonly logLevel: LogLevel;
  readonly opensDashboard: boolean;
  readonly inColour: boolean;
  /** When the command began, for the time until all nodes are up. */
  readonly since: number;
}

/** Milliseconds for a node to leave in order; afterwards it is killed. */
const leaveTime = 15_000;
const host = "127.0.0.1";

/** Processes, proxies, keys and watched sources of a cluster for development; see `supervisor.ts`. */
export class LocalCluster {
  readonly #options: LocalClusterStart;
  readonly #log: LogPrinter;
  readonly #proxy: PartitionProxy;
  readonly #tls: readonly NodeStart["tls"][];
  readonly #marker = `\x01up:${randomId(systemRandom)}:`;
  readonly #token = randomId(systemRandom);
  readonly #processes = new Map<number, NodeProcess>();
  /** Ports of dashboards, kept over restarts so that an open page goes on. */
  readonly #boards = new Map<number, { readonly port: number; readonly url: string }>();
  readonly #closing: (() => void)[] = [];
  #state: UpState;
  #end: (code: number) => void = () => {};
  /** Resolves with the exit code when all processes have ended. */
  readonly ended: Promise<number> = new Promise((resolve) => this.#end = resolve);

  private constructor(
    options: LocalClusterStart,
    proxy: PartitionProxy,
    tls: readonly NodeStart["tls"][],
  ) {
    this.#options = options;
    this.#log = new LogPrinter((line) => console.log(line), options.inColour);
    this.#proxy = proxy;
    this.#tls = tls;
    this.#state = initialUpState(options.nodes, options.since);
  }

  /** Starts all processes; does not wait for them. */
  static async open(options: LocalClusterStart): Promise<LocalCluster> {
    const { nodes } = options;
    const [proxy, tls] = await Promise.all([PartitionProxy.open(nodes), issue(nodes)]);
    const cluster = new LocalCluster(options, proxy, tls);
    cluster.#on({ type: "started" });
    await cluster.#listen();
    return cluster;
  }

  async #listen(): Promise<void> {
    const { place, watched, nodes } = this.#options;
    const quit = () => this.#on({ type: "commanded", command: { type: "quit" } });
    for (const signal of platform.process.stopSignals()) {
      this.#closing.push(platform.process.onSignal(signal, quit));
    }
    const keys = new KeyInput(platform.process.stdin, nodes, {
      onCommand: (command) => this.#on({ type: "commanded", command }),
      onHint: (text) => this.#log.up(text),
    });
    this.#closing.push(() => keys.close());
    const roots = [place.folder, ...watched];
    const watch = await SourceWatch.open(roots, platform.files, systemClock, () => {
      this.#on({ type: "sourcesChanged" });
    });
    this.#closing.push(() => watch.close());
    this.#log.up(keyHelp);
  }

  #on(event: UpEvent): void {
    const { state, effects } = nextUpState(this.#state, event, systemClock.now());
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (event.type === "commanded" && event.command.type === "status") this.#sayAddresses();
  }

  #carryOut(effect: UpEffect): void {
    switch (effect.type) {
      case "say":
        return this.#log.up(effect.text);
      case "spawn":
        return this.#spawn(effect.node, effect.run);
      case "stop": {
        const { node, run } = effect;
        this.#processes.get(node)!.stop();
        const timer = systemClock.schedule(leaveTime, () => {
          this.#on({ type: "stopOverdue", node, run });
        });
        return timer.unref?.();
      }
      case "kill":
        return this.#processes.get(effect.node)!.kill();
      case "partition":
        return this.#proxy.setCutOff(effect.node, effect.on);
      case "exit":
        for (const close of this.#closing) close();
        this.#proxy.close();
        return this.#end(0);
    }
  }

  #spawn(node: number, run: number): void {
    const { place } = this.#options;
    const child = new NodeProcess(this.#startOf(node), place.config, {
      onLine: (line) => this.#log.node(node, line),
      onReport: (report) => this.#onReport(node, run, report),
      onEnd: (fault) => {
        this.#proxy.setTarget(node, undefined);
        this.#on({ type: "nodeEnded", node, run, fault });
      },
    });
    this.#processes.set(node, child);
  }

  #startOf(node: number): NodeStart {
    const { nodes, place, systemName, logLevel } = this.#options;
    return {
      systemName,
      nodeId: `node-${node}`,
      host,
      advertisedPort: this.#proxy.portOf(node),
      // The same list everywhere: a node that restarts, the first included, finds the others.
      seeds: Array.from({ length: nodes }, (_, index) => this.#proxy.addressOf(index + 1)),
      addressMap: this.#proxy.addressMapOf(node),
      tls: this.#tls[node - 1]!,
      app: place.url,
      logLevel,
      marker: this.#marker,
      dashboard: { port: this.#boards.get(node)?.port ?? 0, token: this.#token },
    };
  }

  #onReport(node: number, run: number, report: NodeReport): void {
    switch (report.type) {
      case "listening":
        return this.#proxy.setTarget(node, report.port);
      case "up":
        return this.#on({ type: "nodeUp", node, run });
      case "members":
        return this.#on({ type: "membersChanged", node, run, members: report.members });
      case "dashboard":
        return this.#onDashboard(node, report.port, report.url);
    }
  }

  #onDashboard(node: number, port: number, url: string): void {
    const isNew = !this.#boards.has(node);
    this.#boards.set(node, { port, url });
    if (node !== 1 || !isNew) return;
    this.#log.up(`dashboard ${url}`);
    if (this.#options.opensDashboard) openInBrowser(url, (why) => this.#log.up(why));
  }

  #sayAddresses(): void {
    for (let node = 1; node <= this.#options.nodes; node++) {
      const pid = this.#processes.get(node)?.pid;
      const url = this.#boards.get(node)?.url;
      const board = url === undefined ? "" : `, dashboard ${url}`;
      this.#log.up(`node ${node}: ${this.#proxy.addressOf(node)}, process ${pid}${board}`);
    }
  }
}

/** Key pairs of an authority that nobody keeps; in memory only. */
async function issue(nodes: number): Promise<readonly NodeStart["tls"][]> {
  const ca = await testCa({ commonName: "up", validity: "30d" });
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  return await Promise.all(
    numbers.map(async (node) => (await ca.issueNode(`node-${node}`, host)).tls),
  );
}
