// For `node --import …/register.js --test`: lets tests import "millstream" and "millstream/testing" without an installation, and TypeScript without a build.

import { register } from "node:module";

register("./hooks.js", import.meta.url);
