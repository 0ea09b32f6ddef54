// FLAMBEAU_MEMORY_LIMIT: bytes, or a number with a unit.
import { FlambeauError } from "@flambeau/core";

const units: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** The option that a text such as `800M` or `2GB` stands for; none where it is not set. */
export function parseMemoryLimit(text: string | undefined): { readonly memoryLimit?: number } {
  if (text === undefined || text === "") return {};
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?\s*$/i.exec(text);
  const bytes = match === null ? NaN : Number(match[1]) * units[match[2]!.toUpperCase()]!;
  if (Number.isFinite(bytes) && bytes >= 1) return { memoryLimit: Math.floor(bytes) };
  throw new FlambeauError(
    `FLAMBEAU_MEMORY_LIMIT: expected a number of bytes, or one with a unit such as 800M or 2G, got ` +
      `${JSON.stringify(text)}.`,
  );
}
