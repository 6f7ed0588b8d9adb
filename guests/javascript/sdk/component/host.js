// What the host lends, as one object. The state is in it only where a store is declared: see state.js.

import { count, log } from "millstream:operator/telemetry@0.1.0";

export const host = { count, log };
