import { type ActorRef, Ref, type RefAddress } from "../actor/ref/ref.ts";
import { checkOptions } from "../options/check_options.ts";
import { refusedOption } from "../options/explain.ts";
import { lookupTable } from "../options/tables/actor_tables.ts";

/** The node at which an actor is looked up: by its address, `"host:port"`, or by its label. */
export type LookupPlace =
  | { readonly node: string; readonly nodeId?: undefined }
  | { readonly nodeId: string; readonly node?: undefined };

/** A member, as far as a lookup needs it. */
interface LabelledMember {
  readonly address: string;
  readonly nodeId: string;
}

/** A reference to the actor at a path of any node; undefined if no member has the label. */
export function lookupAt<M>(
  path: string,
  place: LookupPlace,
  members: readonly LabelledMember[],
  refTo: (address: RefAddress) => ActorRef<M>,
): ActorRef<M> | undefined {
  checkOptions(lookupTable, place);
  if ((place.node === undefined) === (place.nodeId === undefined)) {
    throw refusedOption("lookup", place, 'use { node: "host:port" } or { nodeId: "label" }');
  }
  // The latest: a node that was started again elsewhere may still have a former member.
  const node = place.node ?? members.findLast(({ nodeId }) => nodeId === place.nodeId)?.address;
  if (node === undefined) return undefined;
  return refTo({ node, path: absolutePath(path), uid: 0 });
}

/** The path with the slash that it begins with. */
function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** The address of the node of an actor. */
export function nodeOf(ref: ActorRef<never>): string {
  return ref instanceof Ref ? ref.node : "";
}
