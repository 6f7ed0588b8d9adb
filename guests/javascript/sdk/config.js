// The job's config for an operator: decoders, a table of them per object, with the errors that name the field.

import { Fatal } from "./errors.js";

/** Thrown by a decoder: what was expected in place of what was found. */
class Mismatch extends Error {}

const MISSING = Symbol("missing");

function kind(expected, fits) {
  return (options = {}) => ({
    options,
    decode(value) {
      if (!fits(value)) throw new Mismatch(`found ${shown(value)}, expected ${expected}`);
      return value;
    },
  });
}

function shown(value) {
  return JSON.stringify(value) ?? String(value);
}

export const text = kind("a text", (value) => typeof value === "string");
export const flag = kind("true or false", (value) => typeof value === "boolean");
export const any = kind("any value", () => true);

/** A number between `min` and `max`. */
export function number(options = {}) {
  return bounded("a number", (value) => typeof value === "number", options);
}

/** A whole number between `min` and `max`, exact. */
export function whole(options = {}) {
  return bounded("a whole number", Number.isSafeInteger, options);
}

function bounded(expected, fits, options) {
  const { min = -Infinity, max = Infinity } = options;
  return {
    options,
    decode(value) {
      if (!fits(value)) throw new Mismatch(`found ${shown(value)}, expected ${expected}`);
      if (value < min) throw new Mismatch(`must be at least ${min}`);
      if (value > max) throw new Mismatch(`must be at most ${max}`);
      return value;
    },
  };
}

/** One of a few texts. */
export function oneOf(variants, options = {}) {
  return {
    options,
    decode(value) {
      if (!variants.includes(value)) {
        throw new Mismatch(`unknown variant \`${value}\`, expected one of ${variants.map((variant) => `\`${variant}\``).join(", ")}`);
      }
      return value;
    },
  };
}

/** A list of values of one kind. */
export function list(of, options = {}) {
  return {
    options,
    decode(value) {
      if (!Array.isArray(value)) throw new Mismatch(`found ${shown(value)}, expected a list`);
      return value.map((item, n) => at(String(n), () => of.decode(item)));
    },
  };
}

/** An object with these fields and no others. */
export function object(fields, options = {}) {
  return {
    options,
    decode(value) {
      if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Mismatch(`found ${shown(value)}, expected an object`);
      for (const name of Object.keys(value)) {
        if (!Object.hasOwn(fields, name)) throw new Mismatch(`unknown field \`${name}\`, expected one of ${Object.keys(fields).map((known) => `\`${known}\``).join(", ")}`);
      }
      return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldOf(value, name, field)]));
    },
  };
}

function fieldOf(value, name, field) {
  const found = Object.hasOwn(value, name) ? value[name] : MISSING;
  if (found !== MISSING) return at(name, () => field.decode(found));
  if ("default" in field.options) return field.options.default;
  if (field.options.optional) return undefined;
  throw new Mismatch(`missing field \`${name}\``);
}

function at(name, decode) {
  try {
    return decode();
  } catch (e) {
    if (e instanceof Mismatch) throw new Mismatch(`\`${name}\`: ${e.message}`);
    throw e;
  }
}

/** The config as an operator declares it; none given is {}. What does not fit stops the job. */
export function configOf(source, fields) {
  let value;
  try {
    value = source === "" ? {} : JSON.parse(source);
  } catch (e) {
    throw new Fatal(`config: ${e.message}`);
  }
  if (fields === undefined) {
    if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0) return {};
    throw new Fatal(`config: this operator takes none, the job gives it ${source}`);
  }
  try {
    return object(fields).decode(value);
  } catch (e) {
    throw e instanceof Mismatch ? new Fatal(`config: ${e.message}`) : e;
  }
}
