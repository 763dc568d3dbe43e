/**
 * How tools of operators ask other nodes for what only those know.
 *
 * @module
 */
import type { FactParameters, NoAnswer } from "./inspection.ts";

/** Path at which nodes take requests for facts, and answers. */
export const inspectionPath = "/_inspect";

/** Characters of a topic. */
const maxTopic = 60;
/** Parameters of a request. */
const maxParameters = 16;
/** Characters of the name or value of a parameter; an entity id has up to 512. */
const maxParameter = 600;
/** Characters of an answer. */
export const maxFacts = 512 * 1024;
/** Characters of a reason. */
export const maxReason = 500;

/** Asks a node for facts. */
export interface FactRequest {
  readonly type: "factRequest";
  /** Chosen by the asker. */
  readonly id: number;
  readonly topic: string;
  readonly parameters: FactParameters;
}

/** The answer. */
export interface FactAnswer {
  readonly type: "factAnswer";
  readonly id: number;
  /** The facts as JSON. */
  readonly json: string;
}

/** There is no answer. */
export interface NoFacts {
  readonly type: "noFacts";
  readonly id: number;
  readonly missing: NoAnswer;
  /** One sentence. */
  readonly why: string;
}

/** A message between inspecting nodes. */
export type InspectionMessage = FactRequest | FactAnswer | NoFacts;

const reasons: readonly string[] = ["unknownTopic", "tooLarge", "busy", "failed", "stopped"];

/** Reads a message of another node. Undefined: it is none. */
export function parseInspectionMessage(value: unknown): InspectionMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, id } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(id)) return undefined;
  switch (type) {
    case "factRequest":
      return parseRequest(value as Record<string, unknown>, id as number);
    case "factAnswer": {
      const { json } = value as Record<string, unknown>;
      if (typeof json !== "string" || json.length > maxFacts) return undefined;
      return { type, id: id as number, json };
    }
    case "noFacts": {
      const { missing, why } = value as Record<string, unknown>;
      if (typeof missing !== "string" || !reasons.includes(missing)) return undefined;
      if (typeof why !== "string" || why.length > maxReason) return undefined;
      return { type, id: id as number, missing: missing as NoAnswer, why };
    }
    default:
      return undefined;
  }
}

function parseRequest(
  { topic, parameters }: Record<string, unknown>,
  id: number,
): FactRequest | undefined {
  if (typeof topic !== "string" || topic.length > maxTopic) return undefined;
  if (typeof parameters !== "object" || parameters === null) return undefined;
  const entries = Object.entries(parameters);
  if (entries.length > maxParameters) return undefined;
  const isText = (text: unknown) => typeof text === "string" && text.length <= maxParameter;
  if (!entries.every(([name, value]) => isText(name) && isText(value))) return undefined;
  return { type: "factRequest", id, topic, parameters: Object.fromEntries(entries) };
}
