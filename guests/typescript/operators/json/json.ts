// Keeps the JSON records whose field equals a value, and of those the fields named, in that order; may make one field the key.

import { BAD_JSON, JsonObject, type Output, Reject, config, defineOperator, sameJson, textOfJson } from "millstream";

/** The text of a string, and JSON of anything else, without spaces. */
function asText(raw: string): string {
  const text = textOfJson(raw);
  if (text !== undefined) return text;
  if (raw[0] === '"') throw new Reject(BAD_JSON, "the value: half a surrogate pair is no text");
  return raw.replace(/("(?:[^"\\]|\\.)*")|[ \n\t\r]+/g, "$1");
}

export default defineOperator({
  name: "json",
  config: {
    // Only records that have this; none: all.
    only: config.object({ field: config.text(), equals: config.any() }, { optional: true }),
    // Fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is.
    select: config.list(config.text(), { default: [] }),
    // The field whose text becomes the key.
    key: config.text({ optional: true }),
  },

  open({ only, select, key }, { configText }) {
    // As it stands, since decoding makes 1 and 1.0 one number.
    const equals = only && new JsonObject(new JsonObject(configText).raw("only") ?? "{}").raw("equals");
    const names = select.map((name) => `${JSON.stringify(name)}:`);

    return {
      process(record, context) {
        const fields = record.object();
        if (only !== undefined && equals !== undefined) {
          const raw = fields.raw(only.field);
          if (raw === undefined || !sameJson(raw, equals)) return;
        }
        const changes: Output = {};
        if (key !== undefined) {
          const raw = fields.raw(key);
          if (raw === undefined) throw new Reject(BAD_JSON, `the value has no field \`${key}\``);
          changes.key = asText(raw);
        }
        if (select.length > 0) {
          const kept: string[] = [];
          for (let n = 0; n < select.length; n++) {
            const raw = fields.raw(select[n] as string);
            if (raw !== undefined) kept.push(`${names[n]}${raw}`);
          }
          changes.value = `{${kept.join(",")}}`;
        }
        context.forward(record, changes);
      },
    };
  },
});
