// Import layers: packages and, inside core, stages may import only from what stands below them.
// Types may be imported from anywhere: they vanish.
import { readFileSync } from "node:fs";
import { globSync } from "./glob.ts";
import { dirname, join, normalize, relative } from "node:path";
import { root } from "./run.ts";

/** Packages, lowest first; those of one row do not import each other. */
const packageRows = [
  ["core"],
  ["backend-native", "backend-wasm", "formats", "data", "nn"],
  ["optim"],
  ["train"],
  ["flambeau", "testing"],
];

/** Stages of core, lowest first. A file belongs to the longest prefix that matches. */
const stages = [
  ["errors.ts", "state.ts"],
  ["dtype.ts", "scope.ts"],
  ["shape.ts", "debug/position.ts"],
  ["scalar/"],
  ["compiler/", "runtime/backend.ts", "runtime/platform.ts"],
  ["backends/"],
  ["runtime/"],
  ["tensor.ts", "print.ts", "operation.ts"],
  ["modes.ts"],
  ["autograd/saved.ts"],
  ["autograd/tape.ts"],
  ["autograd/function.ts", "debug/", "prepared.ts"],
  ["apply.ts"],
  ["ops/"],
  ["autograd/"],
  ["variable.ts"],
  ["random.ts"],
  ["autograd/checkpoint.ts"],
  ["ops/random.ts"],
  ["ops/draws.ts", "ops/dropout.ts", "ops/normalization.ts", "autograd/index.ts"],
  ["ops/activation-variants.ts", "ops/attention.ts", "ops/ctc-core.ts", "ops/rejection.ts"],
  ["ops/ctc-loss.ts", "ops/functions.ts", "ops/index.ts"],
  ["graph/", "actions.ts"],
  ["func/"],
  ["distributions/"],
  ["index.ts", "extension.ts"],
];

const stageOf = (path: string): number => {
  let best = -1;
  let length = -1;
  stages.forEach((names, level) => {
    for (const name of names) {
      if (path.startsWith(name) && name.length > length) [best, length] = [level, name.length];
    }
  });
  return best;
};

const imports = /^\s*(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm;
const onlyTypes =
  /^\s*(?:import|export)\s+\{\s*(?:type\s+[\w$]+(?:\s+as\s+[\w$]+)?\s*,?\s*)+\}\s+from/;
const problems: string[] = [];

for (const file of globSync(join(root, "packages"), ".ts")) {
  const path = relative(root, file);
  const [, packageName, , ...rest] = path.split(/[\\/]/);
  const inside = rest.join("/");
  if (path.endsWith(".test.ts") || path.includes("/fixtures/")) continue;
  const text = readFileSync(file, "utf8");
  for (const match of text.matchAll(imports)) {
    if (onlyTypes.test(match[0])) continue;
    const target = match[1]!;
    if (target.startsWith("@flambeau/") || target === "flambeau") {
      const other = target.split("/")[1] ?? "flambeau";
      const row = packageRows.findIndex((names) => names.includes(packageName!));
      const below = packageRows.findIndex((names) => names.includes(other));
      if (other !== packageName && below >= row) {
        problems.push(`${path}: package ${packageName} must not import ${other}`);
      }
    } else if (target.startsWith(".")) {
      const resolved = normalize(join(dirname(file), target));
      const [, otherPackage, , ...otherRest] = relative(root, resolved).split(/[\\/]/);
      if (otherPackage !== packageName) {
        problems.push(`${path}: import ${otherPackage} by its name, not by path`);
      } else if (packageName === "core") {
        const from = stageOf(inside);
        const to = stageOf(otherRest.join("/"));
        if (from < 0) problems.push(`${path}: belongs to no stage of scripts/layers.ts`);
        if (to > from)
          problems.push(`${path}: imports ${otherRest.join("/")}, which stands above it`);
      }
    }
  }
}

for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
