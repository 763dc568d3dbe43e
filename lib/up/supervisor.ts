/**
 * Decides which processes run: starts, kills, restarts and partitions nodes, reloads them one by one
 * when the sources have changed, and ends them all. Pure.
 *
 * @module
 */
import type { KeyCommand } from "./key_commands.ts";

/**
 * - `starting`: its process runs, the node has not joined yet.
 * - `up`: it is a member, and the application has been set up.
 * - `stopping`: it was asked to leave, or was killed; its process has not ended.
 * - `stopped`: it was killed on request, or has left.
 * - `failed`: its process has ended without a request.
 */
export type NodePhase = "starting" | "up" | "stopping" | "stopped" | "failed";

/** One node. */
export interface NodeState {
  readonly phase: NodePhase;
  /** Counts the processes of this node, from 1. Events of earlier processes are ignored. */
  readonly run: number;
  /** Whether a new process starts when this one has ended. */
  readonly startsAgain: boolean;
  readonly isPartitioned: boolean;
  /** Members that it sees up. */
  readonly members: number;
}

/** A rolling restart in progress. */
export interface Reload {
  /** Nodes whose turn is still to come. */
  readonly waiting: readonly number[];
  /** The node that is restarted now. */
  readonly current: number;
  readonly since: number;
  readonly done: number;
}

/** All nodes; the first has number 1. */
export interface UpState {
  readonly nodes: readonly NodeState[];
  readonly reload: Reload | undefined;
  readonly isQuitting: boolean;
  readonly since: number;
  /** Whether all nodes were up and have seen each other. */
  readonly wasComplete: boolean;
}

/** What has happened. */
export type UpEvent =
  | { readonly type: "started" }
  | { readonly type: "nodeUp"; readonly node: number; readonly run: number }
  | {
    readonly type: "membersChanged";
    readonly node: number;
    readonly run: number;
    readonly members: number;
  }
  | {
    readonly type: "nodeEnded";
    readonly node: number;
    readonly run: number;
    /** Such as `"exit code 1"`; undefined: in order. */
    readonly fault: string | undefined;
  }
  | { readonly type: "stopOverdue"; readonly node: number; readonly run: number }
  | { readonly type: "sourcesChanged" }
  | { readonly type: "commanded"; readonly command: KeyCommand };

/** What is to be done. */
export type UpEffect =
  | { readonly type: "spawn" | "stop" | "kill"; readonly node: number; readonly run: number }
  | { readonly type: "partition"; readonly node: number; readonly on: boolean }
  | { readonly type: "say"; readonly text: string }
  | { readonly type: "exit" };

/** A state and what is to be done. */
export interface UpStep {
  readonly state: UpState;
  readonly effects: readonly UpEffect[];
}

/** Keys and their meaning, for people. */
export const keyHelp = "keys: r N restart, k N kill, p N partition or heal, s status, q quit";

/** Before any process was started. `nodes`: 1 to 9. `now`: milliseconds. */
export function initialUpState(nodes: number, now: number): UpState {
  const node: NodeState = {
    phase: "stopped",
    run: 0,
    startsAgain: false,
    isPartitioned: false,
    members: 0,
  };
  return {
    nodes: Array.from({ length: nodes }, () => node),
    reload: undefined,
    isQuitting: false,
    since: now,
    wasComplete: false,
  };
}

/** The next state. `now`: milliseconds, of the same clock as before. */
export function nextUpState(state: UpState, event: UpEvent, now: number): UpStep {
  const turn = new Turn(state, now);
  if (event.type === "started") turn.startAll();
  else if (event.type === "commanded") turn.obey(event.command);
  else if (event.type === "sourcesChanged") turn.reloadAll();
  else if (turn.node(event.node).run === event.run) turn.follow(event);
  return { state: turn.state, effects: turn.effects };
}

/** One event: collects changes and effects. */
class Turn {
  state: UpState;
  readonly effects: UpEffect[] = [];
  readonly #now: number;

  constructor(state: UpState, now: number) {
    this.state = state;
    this.#now = now;
  }

  node(number: number): NodeState {
    return this.state.nodes[number - 1]!;
  }

  startAll(): void {
    this.#eachNode((number) => this.#spawn(number));
  }

  obey(command: KeyCommand): void {
    switch (command.type) {
      case "status":
        return this.#sayStatus();
      case "help":
        return this.#say(keyHelp);
      case "quit":
        return this.#quit();
      case "partition":
        return this.#togglePartition(command.node);
      case "restart":
        if (!this.state.isQuitting) this.#restart(command.node);
        return;
      case "kill":
        return this.#kill(command.node);
    }
  }

  follow(event: Exclude<UpEvent, { type: "started" | "commanded" | "sourcesChanged" }>): void {
    const { node: number, run } = event;
    const { phase } = this.node(number);
    switch (event.type) {
      case "nodeUp":
        if (phase !== "starting") return;
        this.#change(number, { phase: "up" });
        if (this.state.wasComplete) this.#say(`node ${number} is up`);
        else this.#noteComplete();
        if (this.state.reload?.current === number) this.#goOn(this.state.reload.done + 1);
        return;
      case "membersChanged":
        return this.#see(number, event.members);
      case "stopOverdue":
        if (phase !== "stopping") return;
        this.#say(`node ${number} has not left in time: killed`);
        return this.#do({ type: "kill", node: number, run });
      case "nodeEnded":
        return this.#ended(number, event.fault);
    }
  }

  /** One node speaks for all: the first of those that are up and not cut off. */
  #see(number: number, members: number): void {
    const { nodes, isQuitting, wasComplete } = this.state;
    const speaker = nodes.findIndex(({ phase, isPartitioned }) => phase === "up" && !isPartitioned);
    const isNew = members !== this.node(number).members;
    this.#change(number, { members });
    if (!wasComplete) return this.#noteComplete();
    if (isQuitting || !isNew || speaker !== number - 1) return;
    this.#say(`node ${number} sees ${members} of ${count(nodes.length)} up`);
  }

  /** Nodes that were killed on purpose stay so; those that have failed get another chance. */
  reloadAll(): void {
    if (this.state.isQuitting) return;
    const waiting: number[] = [];
    this.#eachNode((number, { phase, startsAgain }) => {
      if (phase !== "stopped" && (phase !== "stopping" || startsAgain)) waiting.push(number);
    });
    const [current, ...others] = waiting;
    if (current === undefined) return;
    this.#say(`the code has changed: reloading ${count(waiting.length)}, one after another`);
    const reload = { waiting: others, current, since: this.#now, done: 0 };
    this.state = { ...this.state, reload };
    this.#restart(current);
  }

  #ended(number: number, fault: string | undefined): void {
    const { phase, startsAgain } = this.node(number);
    const { isQuitting, reload } = this.state;
    // A node may also have left by itself.
    const wasAsked = phase === "stopping" || fault === undefined;
    this.#change(number, { phase: wasAsked ? "stopped" : "failed", members: 0 });
    if (isQuitting) return this.#exitIfAllEnded();
    if (startsAgain) return this.#spawn(number);
    this.#say(
      `node ${number} ${wasAsked ? "has ended" : `has FAILED: ${fault}`}; r ${number} starts it`,
    );
    if (reload?.current !== number) return;
    if (wasAsked) return this.#goOn(reload.done);
    this.state = { ...this.state, reload: undefined };
    const rest = reload.waiting.length;
    const kept = rest === 0 ? "" : `; ${count(rest)} keep the code that they run`;
    this.#say(`the reload has stopped at node ${number}${kept}`);
  }

  /** The next node of the rolling restart. */
  #goOn(done: number): void {
    const reload = this.state.reload!;
    // Some may have been killed since.
    const waiting = reload.waiting.filter((number) => this.node(number).phase !== "stopped");
    const [current, ...others] = waiting;
    if (current === undefined) {
      this.state = { ...this.state, reload: undefined };
      return this.#say(`reloaded ${count(done)} in ${seconds(this.#now - reload.since)}`);
    }
    this.state = { ...this.state, reload: { ...reload, waiting: others, current, done } };
    this.#restart(current);
  }

  #restart(number: number): void {
    const { phase, run } = this.node(number);
    if (phase === "stopped" || phase === "failed") return this.#spawn(number);
    this.#change(number, { phase: "stopping", startsAgain: true });
    if (phase !== "stopping") this.#do({ type: "stop", node: number, run });
  }

  #kill(number: number): void {
    const { phase, run } = this.node(number);
    if (phase === "stopped" || phase === "failed") {
      return this.#say(`node ${number} does not run; r ${number} starts it`);
    }
    this.#change(number, { phase: "stopping", startsAgain: false });
    this.#do({ type: "kill", node: number, run });
  }

  #togglePartition(number: number): void {
    const on = !this.node(number).isPartitioned;
    this.#change(number, { isPartitioned: on });
    this.#do({ type: "partition", node: number, on });
    this.#say(
      on
        ? `node ${number} is cut off from all others; p ${number} heals it`
        : `the network of node ${number} is healed`,
    );
  }

  /** All leave at once; who asks twice does not wait for that. */
  #quit(): void {
    const again = this.state.isQuitting;
    this.state = { ...this.state, isQuitting: true, reload: undefined };
    this.#say(again ? "killing all nodes" : "all nodes leave; q again kills them");
    this.#eachNode((number, { phase, run }) => {
      if (phase === "stopped" || phase === "failed") return;
      this.#change(number, { phase: "stopping", startsAgain: false });
      if (again) this.#do({ type: "kill", node: number, run });
      else if (phase !== "stopping") this.#do({ type: "stop", node: number, run });
    });
    this.#exitIfAllEnded();
  }

  #exitIfAllEnded(): void {
    const ended = this.state.nodes.every(({ phase }) => phase === "stopped" || phase === "failed");
    if (ended) this.#do({ type: "exit" });
  }

  #noteComplete(): void {
    const { nodes, wasComplete, since } = this.state;
    if (wasComplete) return;
    if (!nodes.every(({ phase, members }) => phase === "up" && members >= nodes.length)) return;
    this.state = { ...this.state, wasComplete: true };
    this.#say(`${count(nodes.length)} up in ${seconds(this.#now - since)}`);
  }

  #sayStatus(): void {
    this.#eachNode((number, { phase, members, isPartitioned }) => {
      const sees = phase === "up" ? `, sees ${members} up` : "";
      this.#say(`node ${number}: ${phase}${sees}${isPartitioned ? ", cut off" : ""}`);
    });
  }

  #spawn(number: number): void {
    const run = this.node(number).run + 1;
    this.#change(number, { phase: "starting", run, startsAgain: false, members: 0 });
    this.#do({ type: "spawn", node: number, run });
  }

  #change(number: number, change: Partial<NodeState>): void {
    const nodes = this.state.nodes.with(number - 1, { ...this.node(number), ...change });
    this.state = { ...this.state, nodes };
  }

  #eachNode(task: (number: number, node: NodeState) => void): void {
    this.state.nodes.forEach((node, index) => task(index + 1, node));
  }

  #say(text: string): void {
    this.#do({ type: "say", text });
  }

  #do(effect: UpEffect): void {
    this.effects.push(effect);
  }
}

function count(nodes: number): string {
  return nodes === 1 ? "1 node" : `${nodes} nodes`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
