/**
 * The options of broadcast actors at each node, which are to be the same: messages of a node without the
 * role go to other nodes than those of one with it, and a client chooses the node whose policy counts.
 *
 * @module
 */

/** Path of announcements. */
export const announcementPath = "/_cluster/broadcasts";

/** Broadcast actors in one announcement; of more the first are compared. */
export const maxAnnounced = 1_000;
/** Differences of one actor that are named. */
const maxExplained = 5;
const maxText = 2_000;

/** What a node has spawned. */
export interface AnnouncedActor {
  readonly name: string;
  /** Only nodes with this role have an instance; undefined: all. */
  readonly role?: string;
  /** Whether a policy says which clients may send. */
  readonly clients: boolean;
}

/** What nodes send each other: all that the sender has spawned. */
export interface Announcement {
  readonly type: "broadcasts";
  readonly actors: readonly AnnouncedActor[];
}

/** An option that two nodes have given differently, in words. */
export interface BroadcastDifference {
  readonly name: string;
  readonly node: string;
  readonly option: "role" | "clients";
  readonly here: string;
  readonly there: string;
}

/** The announcement, or undefined if the value is none. */
export function parseAnnouncement(value: unknown): Announcement | undefined {
  if (!isRecord(value) || value.type !== "broadcasts") return undefined;
  const { actors } = value;
  if (!Array.isArray(actors) || actors.length > maxAnnounced || !actors.every(isActor)) {
    return undefined;
  }
  return { type: "broadcasts", actors };
}

function isActor(value: unknown): value is AnnouncedActor {
  if (!isRecord(value)) return false;
  const { name, role, clients } = value;
  return isText(name) && (role === undefined || isText(role)) && typeof clients === "boolean";
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.length <= maxText;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Compares what this node has spawned with what others say. Pure.
 *
 * Invariant: of each option of each actor of this node one difference is answered, whatever others say.
 */
export class BroadcastAgreement {
  readonly #own = new Map<string, AnnouncedActor>();
  readonly #others = new Map<string, ReadonlyMap<string, AnnouncedActor>>();
  readonly #answered = new Set<string>();

  /** What this node announces. */
  get announcement(): Announcement {
    return { type: "broadcasts", actors: [...this.#own.values()].slice(0, maxAnnounced) };
  }

  /** This node has spawned one. Answers what differs from others, unless that was answered before. */
  spawned(actor: AnnouncedActor): readonly BroadcastDifference[] {
    this.#own.set(actor.name, actor);
    return this.#unanswered(this.#differencesOf(actor));
  }

  /** Another node has announced what it has spawned. */
  announced(node: string, { actors }: Announcement): readonly BroadcastDifference[] {
    this.#others.set(node, new Map(actors.map((actor) => [actor.name, actor])));
    const own = actors.flatMap(({ name }) => this.#own.get(name) ?? []);
    const differing = own.flatMap((actor) => this.#differencesOf(actor));
    return this.#unanswered(differing.filter((difference) => difference.node === node));
  }

  /** Only these nodes are members still. */
  retain(members: ReadonlySet<string>): void {
    for (const node of this.#others.keys()) if (!members.has(node)) this.#others.delete(node);
  }

  /** What differs now, in words. */
  explain(): readonly string[] {
    return [...this.#own.values()].flatMap((actor) =>
      this.#differencesOf(actor).slice(0, maxExplained).map(({ name, node, option, here, there }) =>
        `broadcast actor "${name}": ${option}: ${here} here, ${there} at ${node}`
      )
    );
  }

  #differencesOf(actor: AnnouncedActor): readonly BroadcastDifference[] {
    const { name } = actor;
    return [...this.#others].flatMap(([node, actors]): BroadcastDifference[] => {
      const other = actors.get(name);
      if (other === undefined) return [];
      return (["role", "clients"] as const).flatMap((option): BroadcastDifference[] => {
        const [here, there] = [inWords(actor)[option], inWords(other)[option]];
        return here === there ? [] : [{ name, node, option, here, there }];
      });
    });
  }

  #unanswered(differences: readonly BroadcastDifference[]): readonly BroadcastDifference[] {
    return differences.filter(({ name, option }) => {
      const key = `${option} ${name}`;
      return this.#answered.size !== this.#answered.add(key).size;
    });
  }
}

function inWords({ role, clients }: AnnouncedActor): Readonly<Record<"role" | "clients", string>> {
  return {
    role: role === undefined ? "all nodes" : `the role "${role}"`,
    clients: clients ? "a policy" : "all clients",
  };
}
