// The hooks that register.js puts into Node.js.

import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = { millstream: "./index.js", "millstream/testing": "./testing.js" };

export function resolve(specifier, context, next) {
  const file = HERE[specifier];
  return file === undefined ? next(specifier, context) : { url: new URL(file, import.meta.url).href, shortCircuit: true };
}

export async function load(url, context, next) {
  if (!/\.ts$/.test(url)) return next(url, context);
  const { stdout } = await promisify(execFile)(await esbuild(), [fileURLToPath(url), "--format=esm", "--sourcemap=inline"]);
  return { format: "module", source: stdout, shortCircuit: true };
}

/** esbuild as `millstream build` has it. */
async function esbuild() {
  const lock = await readFile(new URL("./toolchain/package-lock.json", import.meta.url));
  const cache = process.env.MILLSTREAM_CACHE ?? `${homedir()}/.cache/millstream`;
  const packages = `${cache}/npm/${createHash("sha256").update(lock).digest("hex").slice(0, 16)}/node_modules/@esbuild`;
  const [platform] = await readdir(packages).catch(() => {
    throw new Error(`tests in TypeScript need esbuild, which \`millstream build\` fetches on its first run with a TypeScript project: it is not in ${packages}`);
  });
  return `${packages}/${platform}/bin/esbuild`;
}
