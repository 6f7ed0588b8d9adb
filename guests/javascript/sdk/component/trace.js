// Where an exception came from, in the operator's own files: the engine knows places in the bundle, and the builder puts the way back beside it.

const FRAMES_MAX = 20;

/** An exception, its text and where it came from. */
export function told(e) {
  if (!(e instanceof Error)) return `thrown: ${typeof e === "object" ? JSON.stringify(e) : String(e)}`;
  const frames = String(e.stack ?? "").split("\n").filter((line) => line.trim() !== "");
  const cause = e.cause === undefined ? [] : [`caused by ${told(e.cause)}`];
  return [`${e.name}: ${e.message}`, ...frames.slice(0, FRAMES_MAX).map(mapped), ...cause].join("\n");
}

/** A line of a stack with the place in the bundle replaced. */
function mapped(line) {
  return line.replace(/\(?(?:[^\s()]*\/)?[^\s()/]+\.m?js:(\d+)(?::(\d+))?\)?$/, (place, row, column) => {
    const source = sourceOf(Number(row) - 1, Number(column ?? 1) - 1);
    return source === undefined ? place : `(${source})`;
  });
}

/** File and line of a place in the bundle; undefined: not known. */
function sourceOf(row, column) {
  const map = globalThis.millstreamSourceMap;
  const places = map?.lines[row] ?? [];
  // Column, file and line, three each; the last that is not past the column.
  let at = 0;
  while (at + 3 < places.length && places[at + 3] <= column) at += 3;
  return places.length === 0 ? undefined : `${map.sources[places[at + 1]]}:${places[at + 2] + 1}`;
}
