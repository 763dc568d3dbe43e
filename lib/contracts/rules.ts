/**
 * The rules by which changes of contracts are judged. Each change is of one rule; a rule says which of
 * two programs the change breaks.
 *
 * @module
 */

/** Which programs a change breaks. */
export interface Breaks {
  /** The new one cannot use what the old one has written, or writes. */
  readonly newReader: boolean;
  /** The old one cannot use what the new one writes: in a rolling upgrade, and after a rollback. */
  readonly oldReader: boolean;
}

/** A rule. */
export interface Rule extends Breaks {
  /** What has changed, one line. */
  readonly text: string;
  /** What to do instead. */
  readonly remedy: string;
}

const both = { newReader: true, oldReader: true };
const newReader = { newReader: true, oldReader: false };
const oldReader = { newReader: false, oldReader: true };
const safe = { newReader: false, oldReader: false };

/** Remedies by rule: they only name what there is. */
const twoSteps =
  "in a first release handle it, and accept this rule; in a second one send or store it";
const keepField = "keep the field, and add another one that is optional";
const keepType = "keep it, and add an optional field of the other type";

/** All rules about shapes, by name. */
export const shapeRules = {
  fieldRemoved: {
    ...oldReader,
    text: "a field is gone that the old program needs",
    remedy: "keep it; or in a first release do without it, and remove it in a second one",
  },
  requiredFieldAdded: {
    ...newReader,
    text: "a field is needed that the old program does not write",
    remedy: "make the new field optional",
  },
  fieldRenamed: {
    ...both,
    text: "a field has another name",
    remedy: "keep the old name",
  },
  optionalBecameRequired: {
    ...newReader,
    text: "a field is needed that the old program may leave out",
    remedy: "leave it optional",
  },
  requiredBecameOptional: {
    ...oldReader,
    text: "a field may be missing that the old program needs",
    remedy: twoSteps,
  },
  optionalFieldAdded: { ...safe, text: "an optional field is new", remedy: "" },
  optionalFieldRemoved: { ...safe, text: "an optional field is gone", remedy: "" },
  typeChanged: { ...both, text: "the type is another one", remedy: keepType },
  typeNarrowed: {
    ...newReader,
    text: "the type has fewer values than the old program writes",
    remedy: "accept the wider type",
  },
  typeWidened: {
    ...oldReader,
    text: "the type has values that the old program does not know",
    remedy: twoSteps,
  },
  nullabilityRemoved: {
    ...newReader,
    text: "null is not accepted any more, and the old program writes it",
    remedy: "accept null",
  },
  nullabilityAdded: {
    ...oldReader,
    text: "it may be null, which the old program does not expect",
    remedy: twoSteps,
  },
  arrayBecameScalar: { ...both, text: "an array has become a single value", remedy: keepType },
  scalarBecameArray: { ...both, text: "a single value has become an array", remedy: keepType },
  containerChanged: {
    ...both,
    text: "the container is another one (array, tuple, map, set, record or object)",
    remedy: keepType,
  },
  tupleLengthChanged: {
    ...both,
    text: "the tuple has another length",
    remedy: "use an object with optional fields instead",
  },
  keyTypeChanged: { ...both, text: "the keys of a map have another type", remedy: keepType },
  literalRemoved: {
    ...newReader,
    text: "a value is gone that the old program writes",
    remedy: "keep accepting the value",
  },
  literalAdded: {
    ...oldReader,
    text: "there is a value that the old program does not know",
    remedy: twoSteps,
  },
  variantRemoved: {
    ...newReader,
    text: "a variant is gone that the old program writes",
    remedy: "keep handling the variant",
  },
  variantAdded: {
    ...oldReader,
    text: "there is a variant that the old program does not handle",
    remedy: twoSteps,
  },
  variantRenamed: {
    ...both,
    text: "a variant has another name",
    remedy: "keep the old name, and handle it",
  },
  discriminantRenamed: {
    ...both,
    text: "the field that tells variants apart has another name",
    remedy: keepField,
  },
  discriminantAdded: {
    ...both,
    text: "objects have become variants, which a field tells apart",
    remedy: "accept objects without the field, too",
  },
  discriminantRemoved: {
    ...both,
    text: "variants have become one object, which no field tells apart",
    remedy: keepField,
  },
  unionMemberRemoved: {
    ...newReader,
    text: "a type of a union is gone that the old program writes",
    remedy: "keep accepting it",
  },
  unionMemberAdded: {
    ...oldReader,
    text: "a union has a type that the old program does not handle",
    remedy: twoSteps,
  },
  serializerChanged: {
    ...both,
    text: "the value has another serializer, or another version of it",
    remedy: "keep the serializer until no program of the old version runs",
  },
} as const satisfies Readonly<Record<string, Rule>>;

/** All rules about contracts as a whole, by name. */
export const contractRules = {
  contractAdded: { ...safe, text: "it is new", remedy: "" },
  versionRaised: { ...safe, text: "the schema version is higher", remedy: "" },
  upcasterAdded: { ...safe, text: "there are more upcasters", remedy: "" },
  kindRemoved: {
    ...newReader,
    text: "a kind of durable actor is gone, and what it has stored",
    remedy: "keep it as long as stored events or states of it matter",
  },
  kindRenamed: {
    ...newReader,
    text: "a kind of durable actor has another name: what is stored is not found",
    remedy: "keep the first part of its persistence id",
  },
  storageChanged: {
    ...newReader,
    text: "event-sourced has become durable state, or the other way round",
    remedy: "use another kind, and copy what is stored",
  },
  versionWentBack: {
    ...newReader,
    text: "the schema version is lower: what is stored with the higher one is refused",
    remedy: "raise schema.version above the highest that was ever released",
  },
  upcasterMissing: {
    ...newReader,
    text: "the schema version is higher, and no upcaster makes up for the change",
    remedy: "add an upcaster for the old version",
  },
  upcasterRemoved: {
    ...newReader,
    text: "an upcaster is gone whose version may be stored",
    remedy: "keep the upcaster",
  },
  entityTypeRemoved: {
    ...both,
    text: "a type of entities is gone: messages for it have no receiver",
    remedy: "keep it until no program of the old version runs",
  },
  entityTypeRenamed: {
    ...both,
    text: "a type of entities has another name",
    remedy: "keep the name",
  },
  shardCountChanged: {
    ...both,
    text: "numShards is another one: nodes of both versions would place entities differently",
    remedy: "keep numShards; it can only change while the whole cluster is stopped",
  },
  serviceRemoved: {
    ...both,
    text: "a service is gone that the old program may look up",
    remedy: "keep it until no program of the old version runs",
  },
  serviceRenamed: { ...both, text: "a service has another id", remedy: "keep the id" },
  singletonRemoved: {
    ...both,
    text: "a singleton is gone: messages for it have no receiver",
    remedy: "keep it until no program of the old version runs",
  },
  singletonRenamed: { ...both, text: "a singleton has another name", remedy: "keep the name" },
  workersRemoved: {
    ...both,
    text: "workers are gone: messages for them have no receiver",
    remedy: "keep them until no program of the old version runs",
  },
  workersRenamed: { ...both, text: "workers have another name", remedy: "keep the name" },
  workerCountChanged: {
    ...both,
    text: "there is another number of workers: nodes of both versions would place them differently",
    remedy: "give workers of another count another name",
  },
  broadcastRemoved: {
    ...both,
    text: "a broadcasted actor is gone: messages for it have no receiver",
    remedy: "keep it until no program of the old version runs",
  },
  broadcastRenamed: {
    ...both,
    text: "a broadcasted actor has another name",
    remedy: "keep the name",
  },
  topicRemoved: {
    ...both,
    text: "a topic is gone: what old programs publish has no subscriber",
    remedy: "keep it until no program of the old version runs",
  },
  topicRenamed: { ...both, text: "a topic has another name", remedy: "keep the name" },
  serializerRemoved: {
    ...both,
    text: "a serializer is gone that the old program may use",
    remedy: "keep it until no program of the old version runs",
  },
  serializerRenamed: { ...both, text: "a serializer has another name", remedy: "keep the name" },
  serializerVersionChanged: {
    ...both,
    text: "a serializer has another version: programs of both versions have none in common",
    remedy: "add another serializer, and keep the old one until no old program runs",
  },
} as const satisfies Readonly<Record<string, Rule>>;

/** Name of a rule about shapes. */
export type ShapeRuleName = keyof typeof shapeRules;

/** Name of a rule. */
export type RuleName = ShapeRuleName | keyof typeof contractRules;

/** All rules. */
export const rules: Readonly<Record<RuleName, Rule>> = { ...shapeRules, ...contractRules };

/** Whether a name is one of a rule. */
export function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(rules, name);
}
