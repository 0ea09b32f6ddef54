// Reads the golden numbers beside the tests: made with PyTorch 1.13 (2.13 where they say so).
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export function readFixture<T>(name: string): T {
  const bytes = readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  return JSON.parse((name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")) as T;
}

/** `stepSize` for PyTorch's `step_size`. */
export const camelKeys = (options: { readonly [name: string]: unknown }): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
