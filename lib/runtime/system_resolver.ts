import type { DnsRecord, DnsRecordType, Resolver } from "./resolver.ts";

/** The machine's DNS, through `Deno.resolveDns`. */
export const systemResolver: Resolver = {
  async resolve(name: string, type: DnsRecordType): Promise<readonly DnsRecord[]> {
    if (type === "SRV") {
      const records = await Deno.resolveDns(name, "SRV");
      return records.map(({ target, port }) => ({ host: target.replace(/\.$/, ""), port }));
    }
    return (await Deno.resolveDns(name, type)).map((host) => ({ host }));
  },
};
