// JSON without repeated keys. JSON.parse keeps the last of two equal keys silently, which lets two
// readers of one file see different tensors.
import { FormatError } from "@flambeau/core";

/** Parses JSON text; throws a FormatError for what is not JSON and for repeated keys. */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError("safetensors: the header is not JSON.", { cause: error });
  }
  requireDistinctKeys(text);
  return value;
}

/** Walks text that is known to be JSON; a string before a colon is a key. */
function requireDistinctKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [part] = match;
    if (part === "{") open.push(new Set());
    else if (part === "[") open.push(undefined);
    else if (part === "}" || part === "]") open.pop();
    else {
      const keys = open.at(-1);
      if (keys === undefined || !isFollowedByColon(text, token.lastIndex)) continue;
      const key = JSON.parse(part) as string;
      if (keys.has(key)) {
        throw new FormatError(`safetensors: the header has the key ${JSON.stringify(key)} twice.`);
      }
      keys.add(key);
    }
  }
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return text[at] === ":";
}
