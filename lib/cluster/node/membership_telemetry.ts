import { instruments } from "../../runtime/instruments.ts";
import { type MemberStatus, memberStatuses } from "../../membership/state/member.ts";
import type { MemberEvent } from "../../membership/state/member_event.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { ClusterHandle } from "./cluster_handle.ts";
import type { ExtensionContext, NodeExtension } from "./node_extension.ts";

/** Events of the membership that are counted. */
const counted = [
  "memberJoined",
  "memberUp",
  "memberWeaklyUp",
  "memberLeft",
  "memberDowned",
  "memberRemoved",
  "unreachableMember",
  "reachableMember",
  "leaderChanged",
] as const;

/** Suspicion has no upper end, and a graph needs one. */
const maxPhi = 1_000;

/** Measures a node's view of the membership, if its telemetry is enabled. */
export class MembershipTelemetry implements NodeExtension {
  readonly name = "membershipTelemetry";
  #view: MembershipView | undefined;
  readonly #ends: (() => void)[] = [];

  /** Registers the instruments. */
  install({ runtime: { telemetry }, system, view }: ExtensionContext): void {
    if (!telemetry?.enabled) return;
    this.#view = view;
    const events = telemetry.counter(instruments.membershipEvents);
    // The system of an extension is the node.
    const { cluster } = system as unknown as { readonly cluster: ClusterHandle };
    this.#ends.push(
      telemetry.gauge(instruments.members, (observe) => {
        for (const [status, count] of this.#byStatus()) observe(count, { status });
      }),
      telemetry.gauge(instruments.unreachableMembers, (observe) => {
        observe(this.#view?.unreachable.size ?? 0);
      }),
      telemetry.gauge(instruments.phi, (observe) => {
        for (const { address: member, phi } of cluster.health.peers) {
          observe(Math.min(phi, maxPhi), { member });
        }
      }),
      ...counted.map((type) =>
        system.eventStream.subscribe<MemberEvent>(type, () => events.add(1, { type }))
      ),
    );
  }

  /** The cluster has changed. */
  onView(view: MembershipView): void {
    this.#view = view;
  }

  /** Removes the gauges. */
  afterLeave(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #byStatus(): Map<MemberStatus, number> {
    // Statuses without members are recorded as 0, so that a graph falls to 0 instead of keeping its
    // last value.
    const counts = new Map(memberStatuses.map((status) => [status, 0]));
    for (const { status } of this.#view?.members ?? []) counts.set(status, counts.get(status)! + 1);
    return counts;
  }
}
