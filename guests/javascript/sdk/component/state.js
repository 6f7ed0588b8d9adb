// Imports the state and puts it into the host. An operator without stores leaves this module out of its component, so that no job need grant it.

import { getMany, putMany, scan } from "millstream:operator/state@0.1.0";
import { host } from "./host.js";

Object.assign(host, { getMany, putMany, scan });
