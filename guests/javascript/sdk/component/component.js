// The component's side of the boundary: the WIT's exports on top of an Instance. The module that `millstream build` writes gives it the operator.

import { setClock } from "./environment.js";
import { host } from "./host.js";
import { told } from "./trace.js";
import { Fatal, Retry } from "../errors.js";
import { Instance, describe, isOperator } from "../instance.js";
import { encode } from "../text.js";

const ERROR = 0;

/** The exports of the component around the operator that a module exports. `name`: what it is called where it does not say itself. */
export function exportsOf(definition, name) {
  if (!isOperator(definition)) throw new TypeError("the module must export an operator: export default defineOperator({ … })");
  let instance;

  return {
    describe: () => guarded(() => describe(definition, name)),

    open(setup) {
      guarded(() => {
        instance = new Instance(definition, setup, host);
      }, fatal);
    },

    process(context, input) {
      setClock(context.now);
      return guarded(() => instance.process(context, input));
    },

    onTimer(context, due) {
      setClock(context.now);
      return guarded(() => instance.onTimer(context, due));
    },

    migrate: (store, fromVersion, rows) => guarded(() => instance.migrate(store, fromVersion, rows), fatal),
  };
}

const fatal = (e) => ({ tag: "fatal", val: told(e) });

/**
 * Runs a call; Retry and Fatal become failures. Anything else that is thrown is a mistake that one record may be to blame for: it goes to the log and on, as
 * a trap, so that the host finds that record and lets the others through.
 */
function guarded(call, unexpected) {
  try {
    return call();
  } catch (e) {
    if (e instanceof Retry) throw { tag: "retry", val: e.message };
    if (e instanceof Fatal) throw { tag: "fatal", val: e.message };
    if (unexpected !== undefined) throw unexpected(e);
    host.log(ERROR, encode(told(e)));
    throw e;
  }
}
