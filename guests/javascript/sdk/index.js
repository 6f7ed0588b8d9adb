// Write Millstream operators in JavaScript and TypeScript: index.d.ts says what there is.

export * as config from "./config.js";
export { BAD_JSON, BAD_TEXT, Fatal, NO_KEY, NO_TIME, Reject, Retry } from "./errors.js";
export { defineOperator } from "./instance.js";
export { JsonObject, sameJson, textOfJson } from "./json.js";
export { f64, i64, i64big, u64, u64big } from "./numbers.js";
export { bytes, json, store, text } from "./store.js";
export { decode, decodeLossy, encode } from "./text.js";
