// The README's example is the file that is type-checked and run, not a copy that ages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./run.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

it("the README shows examples/twenty-lines.ts", () => {
  const [, ...lines] = read("examples/twenty-lines.ts").split("\n");
  expect(read("README.md")).toContain(`\`\`\`ts\n${lines.join("\n")}\`\`\``);
});

it("the README names commands that exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const page of ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]) {
    for (const [, name] of read(page).matchAll(/npm run ([\w:-]+)/g))
      expect(scripts).toHaveProperty(name!);
  }
});
