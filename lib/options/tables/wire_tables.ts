import { bytes, callback, code, list, option, optionTable, text, whole } from "../option.ts";
import { isObject } from "./forms.ts";

/** The longest string that any option allows, in bytes. */
export const longestString = 268_435_456;

/** The longest message that any option allows, in bytes. */
const longestMessage = 1_073_741_824;
const deepest = 512;
const mostValues = 268_435_456;
const longestArray = 33_554_432;
const mostEntries = 16_777_216;

/**
 * Bounds of one message, as the codec takes them. Users set all but `maxPath` in `transport`, where
 * they cannot be lower than the messages of the cluster itself need.
 */
export const wireTable = optionTable("wire limits", {
  maxMessage: option(bytes(1, longestMessage), {
    default: 16_777_216,
    text: "Longest message, path and value together.",
  }),
  maxDepth: option(whole(1, deepest), {
    default: 128,
    text: "Deepest nesting of arrays, objects, Maps, Sets and errors in a message.",
  }),
  maxValues: option(whole(1, mostValues), {
    default: 4_194_304,
    text: "Most values in one message, counting each element, key and container.",
  }),
  maxString: option(bytes(1, longestString), {
    default: 16_777_216,
    text: "Longest string or key, in UTF-8.",
  }),
  maxBinary: option(bytes(1, longestMessage), {
    default: 16_777_216,
    text: "Longest typed array, `ArrayBuffer` or bigint.",
  }),
  maxArray: option(whole(1, longestArray), {
    default: 1_048_576,
    text: "Longest array.",
  }),
  maxMap: option(whole(1, mostEntries), {
    default: 131_072,
    text: "Most entries of an object, Map or Set.",
  }),
  maxPath: option(bytes(1, 65_535), { default: 2_048, text: "Longest actor path." }),
});

const { maxDepth, maxValues, maxString, maxBinary, maxArray, maxMap } = wireTable.options;

/**
 * The bounds of a message that users set. The codec also carries gossip, shard tables and relayed
 * messages, so none may be lower than these need. `maxString` and `maxBinary` follow `maxMessage`.
 */
export const messageLimitOptions = {
  maxDepth: { ...maxDepth, type: whole(32, deepest) },
  maxValues: { ...maxValues, type: whole(262_144, mostValues) },
  maxArray: { ...maxArray, type: whole(65_536, longestArray) },
  maxMap: { ...maxMap, type: whole(65_536, mostEntries) },
  maxString: option(bytes(65_536, longestString), {
    defaultText: "`maxMessage`",
    text: maxString.text,
  }),
  maxBinary: option(bytes(65_536, longestMessage), {
    defaultText: "`maxMessage`",
    text: maxBinary.text,
  }),
};

/** The defaults of the bounds of a message. */
export const wireDefaults = wireTable.defaults;

/** Numbers of serializers that the wire has: those of a system, and the library's own as the last. */
export const serializerNumbers = 64;
/** Most serializers that one system may have. */
export const maxSerializers = serializerNumbers - 1;
/** Longest name of a serializer, in characters. */
export const maxSerializerName = 64;
/** The highest version of a serializer. */
export const maxSerializerVersion = 65_535;

/** `serializer(...)`. */
export const serializerTable = optionTable("serializer", {
  name: option(
    text(1, maxSerializerName, {
      name: `a text of 1 to ${maxSerializerName} letters, digits and . _ / -, ` +
        "beginning with a letter or digit",
      test: (name) => /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name),
      example: "money",
    }),
    { required: true, text: "The name that both ends know it by." },
  ),
  version: option(whole(1, maxSerializerVersion), {
    default: 1,
    text: "Version of the form of the data.",
  }),
  type: option(
    code(
      "a class, or a test",
      (type) =>
        typeof type === "function" && typeof type.prototype === "object" && type.prototype !== null,
    ),
    { text: "The class whose direct instances are meant. Either `type` or `test`." },
  ),
  test: option(callback("a function of an object"), { text: "Whether an object is meant." }),
  encode: option(callback("a function of a value"), {
    required: true,
    text: "Returns the data that stand for a value.",
  }),
  decode: option(callback("a function of the data"), {
    required: true,
    text: "Returns the value of the data.",
  }),
});

/** The defaults of a serializer. */
export const serializerDefaults = serializerTable.defaults;

/** The type of a list of serializers; the registry validates their combination. */
export const serializerList = list(
  code(
    "what serializer() has made",
    (value) =>
      isObject(value) && typeof value.name === "string" && typeof value.encode === "function",
  ),
  0,
  maxSerializers,
);
