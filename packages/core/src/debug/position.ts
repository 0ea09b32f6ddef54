// The user's line: the innermost stack frame outside Flambeau. Costs microseconds, so only tracing
// and debugging modes ask.

const ownFolders =
  /[\\/](packages[\\/](core|nn|optim|train|data)[\\/]src|node_modules[\\/](flambeau|tsx|vitest|@vitest))[\\/]/;
const frame = /(?:\(|at |@)((?:file:\/\/|https?:\/\/|\/|[A-Za-z]:\\)[^()\n]+:\d+:\d+)\)?$/;

/** `file:line:column` of the caller outside Flambeau, or `undefined`. */
export function userPosition(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  for (const line of stack.split("\n").slice(1)) {
    const place = frame.exec(line.trim())?.[1];
    if (place === undefined || place.startsWith("node:")) continue;
    const isTest = /\.test\.[jt]s:/.test(place);
    if (!isTest && ownFolders.test(place)) continue;
    return place.replace(/^file:\/\//, "");
  }
  return undefined;
}
