import type { LogLevel } from "../runtime/logger.ts";

/** What a node process needs, the first line of its standard input, as JSON. */
export interface NodeStart {
  readonly systemName: string;
  readonly nodeId: string;
  readonly host: string;
  /** The port of the proxy before this node. */
  readonly advertisedPort: number;
  readonly seeds: readonly string[];
  /** Where this node dials for the address of another. */
  readonly addressMap: Readonly<Record<string, string>>;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  /** URL of the application's module. */
  readonly app: string;
  readonly logLevel: LogLevel;
  /** Marks reports among the lines of standard output. */
  readonly marker: string;
  /** `port` 0: the system chooses. */
  readonly dashboard: { readonly port: number; readonly token: string };
}

/** The second line of standard input; the end of the input means the same. */
export const stopLine = "stop";

/** What a node process tells. */
export type NodeReport =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "dashboard"; readonly port: number; readonly url: string }
  | { readonly type: "up" }
  | { readonly type: "members"; readonly members: number };

/** A report as a line, without its end. */
export function reportLine(marker: string, report: NodeReport): string {
  return `${marker}${JSON.stringify(report)}`;
}

/** A line of output: text of the application, a report, or a report after text without a line end. */
export function readLine(
  marker: string,
  line: string,
): { readonly text?: string; readonly report?: NodeReport } {
  const at = line.indexOf(marker);
  if (at < 0) return { text: line };
  const report: NodeReport = JSON.parse(line.slice(at + marker.length));
  return at === 0 ? { report } : { text: line.slice(0, at), report };
}
