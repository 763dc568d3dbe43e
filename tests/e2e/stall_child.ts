/**
 * A node of a cluster that can be made to stand still. Its first argument is {@linkcode ChildOptions}
 * as JSON; a line with a number on its input blocks its event loop for so many milliseconds, and the
 * end of its input ends it.
 */
import { ClusteredActorSystem, type MemberDowned, type MembershipTiming } from "@casty/casty";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

/** How a child starts. */
export interface ChildOptions {
  readonly nodeId: string;
  readonly seed: string;
  readonly members: number;
  readonly membership: MembershipTiming;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

if (import.meta.main) {
  const { nodeId, seed, members, membership, tls } = JSON.parse(Deno.args[0]!) as ChildOptions;
  const system = await ClusteredActorSystem.start({
    name: "stall",
    nodeId,
    host: "127.0.0.1",
    port: 0,
    seedNodes: [seed],
    requiredQuorum: members,
    membership,
    ...(tls && { tls }),
  });
  system.eventStream.subscribe("memberDowned", ({ member, evidence }: MemberDowned) => {
    if (member.address === system.address) console.log(`DOWNED ${JSON.stringify(evidence)}`);
  });
  console.log(`READY ${system.address}`);
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const end = performance.now() + Number(line);
    while (performance.now() < end);
    console.log("RESUMED");
  }
  await system.shutdown();
}
