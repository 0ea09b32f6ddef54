// Builds the native engine from packages/backend-native/engine: each file once, `*.isa.cpp` once for each
// instruction set. Objects and results are cached by the hash of what they are made of. What is loaded at
// run time: packages/backend-native/src/load.ts.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"; // prettier-ignore
import { availableParallelism } from "node:os";
import { basename, join, relative } from "node:path";
import { createRequire } from "node:module";
import { root } from "../run.ts";
import { type Compiler, accepts, findCompiler, runProgram } from "./compiler.ts";

export const packageFolder = join(root, "packages/backend-native");
const engineFolder = join(packageFolder, "engine");
const buildFolder = join(packageFolder, "build");

export interface BuildOptions {
  /** Builds one test program, engine/tests/<name>.test.cpp, instead of the addon. */
  readonly test?: string;
  /** address, undefined, thread: compiler flags of a sanitizer, separated by commas. */
  readonly sanitize?: string;
  readonly force?: boolean;
  /** Hears of each step. */
  readonly report?: (line: string) => void;
}

/** Where the result lies, or why there is none. */
export type BuildResult =
  | { readonly path: string; readonly fresh: boolean }
  | { readonly reason: string; readonly detail: string };

const common = [
  "-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math",
  "-ffp-contract=off", "-Wall", "-Wextra", "-pthread",
]; // prettier-ignore

const avx2 = ["-mavx2", "-mfma", "-mf16c", "-mbmi2"];
const avx512 = [...avx2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"]; // prettier-ignore
const amx = [...avx512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"];

/** Instruction sets of a processor family, with the flags that allow them. */
const instructionSets: Record<string, Record<string, readonly string[]>> = {
  x64: { baseline: [], avx2, avx512 },
  arm64: { neon: [] },
};
const setsHere = () => instructionSets[process.arch] ?? { baseline: [] };

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesUnder(path) : [path];
    })
    .toSorted();
}

interface Unit {
  readonly source: string;
  readonly flags: readonly string[];
}

/** What must be compiled. Tests replace the addon's own folder. */
function unitsOf(files: readonly string[], test: string | undefined, hasAmx: boolean): Unit[] {
  return files.flatMap((source): Unit[] => {
    const path = relative(engineFolder, source).replaceAll("\\", "/");
    if (!path.endsWith(".cpp")) return [];
    if (path.startsWith("tests/")) {
      return path === `tests/${test}.test.cpp` ? [{ source, flags: [] }] : [];
    }
    if (path.startsWith("node/") && test !== undefined) return [];
    if (path.endsWith(".amx.cpp")) return hasAmx ? [{ source, flags: amx }] : [];
    if (!path.endsWith(".isa.cpp")) return [{ source, flags: [] }];
    return Object.entries(setsHere()).map(([name, flags]) => ({
      source,
      flags: [...flags, `-DFLAMBEAU_ISA=${name}`],
    }));
  });
}

const hashOf = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 16);
};

function includeFolders(): string[] {
  const headers = createRequire(join(packageFolder, "package.json")).resolve(
    "node-api-headers/package.json",
  );
  return [engineFolder, join(headers, "..", "include")];
}

/** Links into a temporary file and renames, so that a half-written result is never loaded. */
async function link(
  { command }: Compiler,
  objects: readonly string[],
  { test, sanitize }: BuildOptions,
  path: string,
): Promise<string | undefined> {
  const temporary = `${path}.${process.pid}.tmp`;
  const shared =
    process.platform === "darwin"
      ? ["-bundle", "-undefined", "dynamic_lookup"]
      : ["-shared", "-Wl,-z,nodelete", "-Wl,--exclude-libs,ALL", "-static-libstdc++", "-static-libgcc"]; // prettier-ignore
  const options = [
    ...objects,
    ...(test === undefined ? shared : []),
    ...(sanitize === undefined ? [] : [`-fsanitize=${sanitize}`]),
    "-pthread",
    "-o",
    temporary,
  ];
  const { code, output } = await runProgram(command, options);
  if (code === 0) renameSync(temporary, path);
  else rmSync(temporary, { force: true });
  return code === 0 ? undefined : output;
}

/** The first line that names an error, for messages of one line. */
const firstError = (output: string): string =>
  (output.split("\n").find((line) => /error|cannot|not found/i.test(line)) ?? output.split("\n")[0] ?? "").trim(); // prettier-ignore

async function compileAll(
  compiler: Compiler,
  units: readonly Unit[],
  flags: readonly string[],
  headersOf: (source: string) => string,
  report: (line: string) => void,
): Promise<{ objects: string[] } | { reason: string; detail: string }> {
  const folder = join(buildFolder, "objects");
  mkdirSync(folder, { recursive: true });
  const objects = units.map(({ source, flags: own }) => {
    const key = hashOf(readFileSync(source), headersOf(source), compiler.version, ...flags, ...own);
    return join(folder, `${basename(source, ".cpp")}-${key}.o`);
  });
  const waiting = units.map((_, i) => i).filter((i) => !existsSync(objects[i]!));
  let failure: { reason: string; detail: string } | undefined;
  const worker = async (): Promise<void> => {
    for (let i = waiting.shift(); i !== undefined && !failure; i = waiting.shift()) {
      const { source, flags: own } = units[i]!;
      const temporary = `${objects[i]!}.${process.pid}.tmp`;
      const options = [...flags, ...own, "-c", source, "-o", temporary];
      const start = performance.now();
      const { code, output } = await runProgram(compiler.command, options);
      const name = relative(engineFolder, source);
      if (code !== 0) {
        failure = { reason: `${compiler.command} failed on ${name}: ${firstError(output)}`, detail: output }; // prettier-ignore
        rmSync(temporary, { force: true });
        return;
      }
      renameSync(temporary, objects[i]!);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      report(`${name} ${own.at(-1)?.replace("-DFLAMBEAU_ISA=", "") ?? ""} ${seconds} s`);
      if (output.trim() !== "") report(output.trim());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failure ?? { objects };
}

/** Builds the addon, or a test program. Cached: nothing is done where the result exists. */
export async function buildEngine(options: BuildOptions = {}): Promise<BuildResult> {
  const { test, sanitize, force = false, report = () => {} } = options;
  if (process.platform === "win32") {
    const reason = "building on Windows is not supported; published packages bring a prebuilt one";
    return { reason, detail: "" };
  }
  const files = filesUnder(engineFolder).filter((path) => /\.(cpp|h|inc)$/.test(path));
  const relevant = files.filter((path) => {
    const inside = relative(engineFolder, path);
    if (!inside.startsWith("tests")) return true;
    return test !== undefined && (inside.endsWith(".h") || inside === join("tests", `${test}.test.cpp`));
  }); // prettier-ignore
  const isTest = (path: string) => relative(engineFolder, path).startsWith("tests");
  const headers = relevant.filter((path) => !path.endsWith(".cpp"));
  const engineHash = hashOf(
    ...headers.filter((path) => !isTest(path)).map((path) => readFileSync(path)),
  );
  const testsHash = hashOf(...headers.map((path) => readFileSync(path)));
  const headersOf = (source: string) => (isTest(source) ? testsHash : engineHash);
  const key = hashOf(
    process.platform, process.arch, test ?? "", sanitize ?? "", process.env["CXX"] ?? "",
    readFileSync(join(root, "scripts/native/build.ts")),
    ...relevant.flatMap((path) => [relative(engineFolder, path), readFileSync(path)]),
  ); // prettier-ignore
  mkdirSync(buildFolder, { recursive: true });
  const path = join(buildFolder, test === undefined ? `flambeau-${key}.node` : `${test}-${key}`);
  const current = join(buildFolder, "current");
  const isAddon = test === undefined && sanitize === undefined;
  const publish = (): void => {
    if (isAddon) {
      writeFileSync(`${current}.${process.pid}.tmp`, basename(path));
      renameSync(`${current}.${process.pid}.tmp`, current);
    }
  };
  if (existsSync(path) && !force) {
    publish();
    return { path, fresh: false };
  }
  const compiler = await findCompiler();
  if ("reason" in compiler) return { reason: compiler.reason, detail: "" };
  const works = await accepts(compiler, common);
  if (!works.ok) {
    const reason = `${compiler.command} does not work: ${firstError(works.output)}`;
    return { reason, detail: works.output };
  }
  const hasAmx = process.arch === "x64" && process.platform === "linux" && (await accepts(compiler, amx)).ok; // prettier-ignore
  report(`compiler: ${compiler.version}${hasAmx ? ", with AMX" : ""}`);
  const flags = [
    ...common,
    ...(sanitize === undefined ? [] : [`-fsanitize=${sanitize}`, "-fno-omit-frame-pointer", "-g1"]),
    ...(hasAmx ? ["-DFLAMBEAU_HAS_AMX=1"] : []),
    ...includeFolders().map((folder) => `-I${folder}`),
  ];
  const units = unitsOf(files, test, hasAmx);
  const compiled = await compileAll(compiler, units, flags, headersOf, report);
  if ("reason" in compiled) return compiled;
  const problem = await link(compiler, compiled.objects, options, path);
  if (problem !== undefined) {
    return { reason: `linking failed: ${firstError(problem)}`, detail: problem };
  }
  publish();
  return { path, fresh: true };
}
