// Files below a folder, by ending; node_modules and build output are left out.
import { readdirSync } from "node:fs";
import { join } from "node:path";

export function globSync(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return globSync(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}
