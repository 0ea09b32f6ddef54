// `npm run docs`: writes docs/ops.md from the exports themselves: documentation comments, signatures,
// formulas, dtypes, and an example that is executed here. With --check it only says whether it is fresh.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as core from "@flambeau/core";
import { isTensor } from "@flambeau/core";
import { type Definition, dtypes, isOp } from "@flambeau/core/extension";
import { createSampleSource, seedOf } from "@flambeau/testing/samples";
import { root } from "./run.ts";

const folder = join(root, "packages/core/src/ops");

interface Entry {
  readonly name: string;
  readonly comment: string;
  readonly signature: string;
  readonly definition: Definition;
  readonly call: (...inputs: unknown[]) => unknown;
}

interface Family {
  readonly title: string;
  readonly entries: Entry[];
}

const exported = core as unknown as Record<string, unknown>;
const declaration = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export const (\w+)\b([^]*?)(?==>|;\n)/g;

const commentText = (raw: string): string =>
  raw
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join(" ")
    .trim();

/** The parameter list that stands in the source, or what the definer implies. */
function signatureOf(name: string, source: string): string {
  const typed = /\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*:?\s*$/.exec(source.trimEnd());
  const parameters = typed?.[1]?.includes(":") ? typed[1] : undefined;
  if (parameters === undefined) {
    if (/unary\(/.test(source)) return `${name}(x: Tensor): Tensor`;
    if (/binary\(|compare\(|logical\(/.test(source))
      return `${name}(x: TensorLike, y: TensorLike): Tensor`;
    return `${name}(…)`;
  }
  const names = parameters
    .split(/,(?![^{<([]*[}>)\]])/)
    .map((part) => part.replace(/\s+/g, " ").trim())
    .filter(Boolean)
    .map((part) => part.replace(/^\{[^}]*\}: (\w+)( = \{\})?$/, "options?: $1"));
  return `${name}(${names.join(", ")})`;
}

function familyOf(file: string): Family | undefined {
  const source = readFileSync(join(folder, file), "utf8");
  const title = /^\/\/ (.*?)[.:]/.exec(source)?.[1] ?? file;
  const entries: Entry[] = [];
  // Folders are namespaces: `linalg/qr.ts` has `linalg.qr`.
  const namespace = dirname(file);
  const inside = exported[namespace] as Record<string, unknown> | undefined;
  for (const [, raw, plain, rest] of source.matchAll(declaration)) {
    const isInside = isOp(inside?.[plain!]);
    const value = isInside ? inside![plain!] : exported[plain!];
    if (!isOp(value)) continue;
    const name = isInside ? `${namespace}.${plain}` : plain!;
    entries.push({
      name,
      comment: commentText(raw!),
      signature: signatureOf(name, rest!),
      definition: value.definition,
      call: value as unknown as Entry["call"],
    });
  }
  return entries.length === 0 ? undefined : { title, entries };
}

function show(value: unknown): string {
  if (isTensor(value)) return value.toString();
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`).join(", ")} }`; // prettier-ignore
  }
  return JSON.stringify(value) ?? "undefined";
}

/** The first sample, run on the reference device. */
function exampleOf({ name, definition, call }: Entry): string {
  const dtype = (definition.dtypes ?? dtypes).includes("float32")
    ? "float32"
    : definition.dtypes![0]!;
  const source = createSampleSource({ dtype, device: "reference", seed: seedOf(name) });
  // Ops that draw must draw the same each time.
  core.manualSeed(0);
  const inputs = definition.samples[0]!(source);
  const lines = inputs.map((input, i) => `${"xyzw"[i] ?? `x${i}`} = ${show(input)}`);
  const names = inputs.map((_, i) => "xyzw"[i] ?? `x${i}`);
  return [...lines, `${name}(${names.join(", ")})`, `// ${show(call(...inputs)).replace(/\n/g, "\n// ")}`].join("\n"); // prettier-ignore
}

function entryText(entry: Entry): string {
  const { definition } = entry;
  const facts = [
    definition.kind,
    `dtypes: ${definition.dtypes?.join(", ") ?? "all"}`,
    definition.isDifferentiable ? "gradients of every order" : "no gradient",
  ];
  const formula = definition.formula?.();
  if (formula) facts.push(`formula: \`${formula}\``);
  return [
    `### ${entry.name}`,
    `\`\`\`ts\n${entry.signature}\n\`\`\``,
    entry.comment,
    facts.join(" · "),
    `\`\`\`\n${exampleOf(entry)}\n\`\`\``,
  ].join("\n\n");
}

core.setDefaultDevice("reference");
const families = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .toSorted()
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .flatMap((file) => familyOf(file) ?? []);
const count = families.reduce((sum, { entries }) => sum + entries.length, 0);
const text = `${[
  "# Ops",
  `Every op of \`flambeau\`, ${count} in all, from the sources. Each is a function, and a method of ` +
    "`Tensor` where its first operand is a tensor: `relu(x)` and `x.relu()`. All run on every device. " +
    "Examples are executed when this page is written (`npm run docs`).",
  ...families.map(({ title, entries }) => [`## ${title}`, ...entries.map(entryText)].join("\n\n")),
].join("\n\n")}\n`;

const path = join(root, "docs/ops.md");
if (process.argv.includes("--check")) {
  let current = "";
  try {
    current = readFileSync(path, "utf8");
  } catch {
    // A missing page is a stale one.
  }
  if (current !== text) {
    console.log("docs/ops.md is stale: run `npm run docs`.");
    process.exitCode = 1;
  }
} else {
  writeFileSync(path, text);
  console.log(`docs/ops.md: ${count} ops`);
}
