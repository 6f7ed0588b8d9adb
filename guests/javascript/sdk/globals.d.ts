/** What an operator finds around it, besides the language's own: the builder knows these, and neither the DOM nor Node.js. */

/** Writes to the job's log. */
declare const console: {
  error(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  trace(...values: unknown[]): void;
};

declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  readonly encoding: "utf-8";
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
