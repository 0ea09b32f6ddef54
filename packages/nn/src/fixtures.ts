// Reads the golden numbers beside the tests, made with PyTorch 1.13.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export function readFixture<T>(name: string): T {
  const bytes = readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  return JSON.parse((name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")) as T;
}
