/**
 * What viewers may do, where the dashboard permits it: each action is asked for twice, and logged.
 *
 * @module
 */
import type { ExtensionPeer } from "../cluster/node/node_extension.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import type { FactParameters } from "../inspection/inspection.ts";
import { isAlive } from "../membership/state/member.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ObservedNode } from "./observed_node.ts";

/** An action, checked. */
export type Action =
  | { readonly action: "leave"; readonly node: string }
  | { readonly action: "down"; readonly node: string }
  | { readonly action: "rebalance"; readonly type: string }
  | { readonly action: "stopActor"; readonly node: string; readonly path: string }
  | { readonly action: "stopEntity"; readonly type: string; readonly id: string };

/** Milliseconds in which the second request has to come. */
export const confirmTime = 30_000;
/** Actions that wait for their second request; the oldest goes. */
const maxWaiting = 32;
/** Milliseconds that another node has for an action. */
const actionTime = 5_000;
/** Milliseconds between the answer of a node and its shutdown. */
const answerFirst = 100;

interface Waiting {
  readonly action: Action;
  readonly identity: string;
  readonly until: number;
}

/** Actions that were asked for once. Pure: time and codes are arguments. */
export class Confirmations {
  readonly #waiting = new Map<string, Waiting>();

  /** Keeps an action under a code that cannot be guessed. */
  ask(code: string, action: Action, identity: string, now: number): void {
    if (this.#waiting.size >= maxWaiting) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
    }
    this.#waiting.set(code, { action, identity, until: now + confirmTime });
  }

  /** The action of a code, once; undefined: there is none, it is too late, or another has asked. */
  take(code: string, identity: string, now: number): Action | undefined {
    const waiting = this.#waiting.get(code);
    if (waiting === undefined || waiting.identity !== identity) return undefined;
    this.#waiting.delete(code);
    return now < waiting.until ? waiting.action : undefined;
  }
}

/** Reads an action. Undefined: it is none. */
export function parseAction(value: unknown): Action | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { action, node, type, id, path } = value as Record<string, unknown>;
  const isText = (text: unknown): text is string =>
    typeof text === "string" && text.length >= 1 && text.length <= 600;
  switch (action) {
    case "leave":
    case "down":
      return isText(node) ? { action, node } : undefined;
    case "rebalance":
      return isText(type) ? { action, type } : undefined;
    case "stopActor":
      return isText(node) && isText(path) ? { action, node, path } : undefined;
    case "stopEntity":
      return isText(type) && isText(id) ? { action, type, id } : undefined;
    default:
      return undefined;
  }
}

/** What an action does, as a question to the one who asks for it. */
export function consequenceOf(action: Action): string {
  switch (action.action) {
    case "leave":
      return `${action.node} hands its shards off, leaves the cluster and shuts down. Its process ` +
        "must be started again by what has started it.";
    case "down":
      return `${action.node} is declared down, reachable or not. Its shards are granted to others ` +
        "once its lease has ended; it cannot return without a restart or rejoin.";
    case "rebalance":
      return `The coordinator moves some shards of "${action.type}" now. Entities in them stop, and ` +
        "start again at their new owners.";
    case "stopActor":
      return `${action.path} of ${action.node} is stopped at once. Messages that wait for it are lost.`;
    case "stopEntity":
      return `The entity "${action.id}" of "${action.type}" stops after the messages that it has. The ` +
        "next message starts it again.";
  }
}

/** Carries actions out at this node, and asks others for theirs. */
export class Actions {
  readonly #node: ObservedNode;
  readonly #clock: Clock;

  /** From now on, dashboards of other members may ask this node as well. */
  constructor(node: ObservedNode) {
    this.#node = node;
    this.#clock = node.clock;
  }

  /** Answers dashboards of other nodes. */
  readonly reader = (parameters: FactParameters, peer: ExtensionPeer | undefined): string => {
    const action = parseAction(parameters);
    if (action === undefined) throw new Error("the action is not known here");
    const { address } = this.#node.source;
    return this.#here(action, peer === undefined ? address : peer.address);
  };

  /** Carries an action out, here or elsewhere. Rejects with an error that says why not. */
  async carryOut(action: Action): Promise<string> {
    const { source: { address }, shards } = this.#node;
    const by = address;
    switch (action.action) {
      case "down":
        return await this.#down(action, by);
      case "leave":
      case "stopActor":
        return await this.#at(action.node, action, by);
      case "rebalance":
        return await this.#at(shards.leader ?? address, action, by);
      case "stopEntity":
        return await this.#at(await this.#ownerOf(action), action, by);
    }
  }

  /**
   * No member believes what only one other says of the end of a third (`corroboration.ts`): so all that
   * take actions declare it, and nothing is done if nobody would believe this node.
   */
  async #down(action: Action & { action: "down" }, by: string): Promise<string> {
    const { source: { address }, internals: { view } } = this.#node;
    const { node } = action;
    const isMeant = view.members.some((member) => member.address === node && isAlive(member));
    if (!isMeant || node === address) {
      throw new Error(`${node} is no live member besides this node`);
    }
    const others = view.members.filter((member) => {
      const other = member.address;
      return isAlive(member) && other !== address && other !== node && !view.unreachable.has(other);
    });
    const answers = await Promise.all(others.map(({ address: other }) => {
      return this.#node.ask(other, "act", { ...action }, actionTime);
    }));
    const agreed = answers.filter(({ missing }) => missing === undefined).length;
    const isSuspected = view.unreachable.has(node);
    if (agreed === 0 && others.length > 0 && !isSuspected) {
      throw new Error(
        "a second member has to declare it: start the dashboard of another one with actions: true",
      );
    }
    return this.#here(action, by);
  }

  async #ownerOf({ type, id }: Action & { action: "stopEntity" }): Promise<string> {
    const { source: { address }, shards: { leader } } = this.#node;
    for (const node of new Set([address, leader ?? address])) {
      const answer = await this.#node.ask(node, "place", { type, id });
      const owner = answer.missing === undefined
        ? (answer.facts as { readonly owner?: unknown } | null)?.owner
        : undefined;
      if (typeof owner === "string") return owner;
    }
    throw new Error(`the owner of "${id}" is not known`);
  }

  async #at(node: string, action: Action, by: string): Promise<string> {
    if (node === this.#node.source.address) return this.#here(action, by);
    const answer = await this.#node.ask(node, "act", { ...action }, actionTime);
    this.#log("action sent to another node", action, by);
    if (answer.missing === undefined) return String(answer.facts);
    throw new Error(
      answer.missing === "unknownTopic"
        ? `${node} takes no actions: start its dashboard with actions: true`
        : `could not ask ${node}: ${answer.why}`,
    );
  }

  #here(action: Action, by: string): string {
    const done = this.#do(action, by);
    this.#log("action carried out", action, by);
    return done;
  }

  #do(action: Action, by: string): string {
    const { source, internals, shards, system } = this.#node;
    switch (action.action) {
      case "leave":
        if (action.node !== source.address) throw new Error("another node is meant");
        // The answer must get out first.
        this.#clock.schedule(answerFirst, () => void source.shutdown());
        return `${action.node} leaves`;
      case "down": {
        const why = `an operator has decided it, at the dashboard of ${by}`;
        if (internals.down(action.node, why)) return `${action.node} is declared down`;
        throw new Error(`${action.node} is no live member besides this node`);
      }
      case "rebalance":
        if (shards.balance(action.type)) return `shards of "${action.type}" are rebalanced`;
        throw new Error(`${source.address} does not coordinate "${action.type}"`);
      case "stopActor": {
        const actor = action.path.startsWith("/_") ? undefined : system.lookup(action.path);
        if (!(actor instanceof LocalRef)) throw new Error(`there is no actor ${action.path}`);
        actor.stop();
        return `${action.path} stops`;
      }
      case "stopEntity":
        if (shards.passivate(action.type, action.id)) return `"${action.id}" stops`;
        throw new Error(`"${action.id}" does not run at ${source.address}`);
    }
  }

  #log(message: string, action: Action, by: string): void {
    this.#node.source.runtime.logger.log("warn", "dashboard", message, { ...action, by });
  }
}
