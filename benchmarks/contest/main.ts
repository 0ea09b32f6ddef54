// `npm run contest -- [suite …] [--threads 1,2] [--filter word]`: the native engine beside PyTorch eager,
// OpenBLAS and oneDNN (gemm) and TensorFlow.js (train). Each contestant is a process; they take turns in
// short bursts, and ratios are of medians. What is missing is left out; how to install it, and what was
// learnt, is in README.md beside this file.
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { type Suite, suites } from "./cases.ts";
import { type Burst, Peer } from "./peer.ts";

const program = new Command("contest")
  .argument("[suites...]", Object.keys(suites).join(", "))
  .option("--threads <list>", "thread counts", "1,2")
  .option("--filter <word>", "only cases that contain it", "")
  .option("--rounds <count>", "bursts of each contestant", "9")
  .option("--burst <milliseconds>", "length of a burst", "60")
  .option("--warm-up <milliseconds>", "before the first burst, for compilers and caches", "400")
  .option("--backend <name>", "which backend of Flambeau competes", "native")
  .option("--memory", "training: each model in fresh processes, with the largest resident size")
  .parse();
const options = program.opts<{
  threads: string;
  filter: string;
  rounds: string;
  burst: string;
  warmUp: string;
  backend: string;
  memory?: boolean;
}>();
const asked = program.args.length > 0 ? program.args : Object.keys(suites);

const here = import.meta.dirname;

/** The program that calls OpenBLAS and oneDNN, or `undefined` where it cannot be built. */
function buildLibraries(): string | undefined {
  const path = join(mkdtempSync(join(tmpdir(), "flambeau-contest-")), "blas_peer");
  const source = join(here, "blas_peer.cpp");
  const { status } = spawnSync("c++", ["-O2", "-std=c++17", source, "-o", path, "-ldl"]);
  return status === 0 ? path : undefined;
}

async function contestants(threads: string, suite: string): Promise<Peer[]> {
  const env = {
    OMP_NUM_THREADS: threads,
    OMP_WAIT_POLICY: "PASSIVE",
    FLAMBEAU_THREADS: threads,
    FLAMBEAU_BACKEND: options.backend,
  };
  const script = (name: string) => ["--import", "tsx", join(here, name)];
  const python = process.env["PYTHON"] ?? "python3";
  // Libraries know nothing of memory, and would be built anew for each case.
  const library = suite === "gemm" && !options.memory ? buildLibraries() : undefined;
  const found = [
    await Peer.start("flambeau", process.execPath, script("flambeau_peer.ts"), env),
    await Peer.start("pytorch", python, [join(here, "torch_peer.py"), threads], env),
    library && (await Peer.start("openblas", library, ["openblas", threads], env)),
    library && (await Peer.start("onednn", library, ["onednn", threads], env)),
    suite === "train"
      ? await Peer.start("tfjs", process.execPath, script("tfjs_peer.ts"), env)
      : undefined,
  ];
  return found.filter((peer) => peer !== undefined && peer !== "") as Peer[];
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

function amount(nanoseconds: number, words: readonly string[], suite: Suite): string {
  if (suite.flops) return `${(suite.flops(words) / nanoseconds).toFixed(1)} GF/s`;
  if (suite.samples) return `${((suite.samples(words) * 1e9) / nanoseconds).toFixed(0)}/s`;
  if (suite.bytes) return `${(suite.bytes(words) / nanoseconds).toFixed(1)} GB/s`;
  return `${nanoseconds.toFixed(0)} ns`;
}

async function measure(name: string, peers: readonly Peer[]): Promise<(Burst & { median: number })[]> {
  const bursts = peers.map((): Burst[] => []);
  for (const peer of peers) await peer.burst(name, Number(options.warmUp));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, peer] of peers.entries()) bursts[i]!.push(await peer.burst(name, Number(options.burst)));
  }
  return bursts.map((list) => ({
    ...list.at(-1)!,
    median: median(list.map(({ nanoseconds }) => nanoseconds ?? Number.NaN)),
  }));
} // prettier-ignore

/** Bytes per nanosecond of our own copies, by the words that give their size. */
const copies = new Map<string, number>();

/** What a row operation reaches of the copy of the same size, where that was measured. */
function shareOfCopy(nanoseconds: number, words: readonly string[], suite: Suite): string {
  if (suite.bytes === undefined) return "";
  const size = words.slice(2).join(" ");
  const rate = suite.bytes(words) / nanoseconds;
  if (words[1] === "copy") copies.set(size, rate);
  const copy = words[1] === "copy" ? undefined : copies.get(size);
  return copy === undefined ? "" : `  ${((100 * rate) / copy).toFixed(0)} % of copy`;
}

/** One line: what each contestant reached, and ours against the best of the others. */
function show(name: string, suite: Suite, peers: readonly Peer[], results: readonly (Burst & { median: number })[]): void {
  const words = name.split(" ");
  const columns = results.map(({ median: time }, i) =>
    `${peers[i]!.name} ${Number.isNaN(time) ? "n/a" : amount(time, words, suite)}`.padEnd(24),
  );
  const others = results.slice(1).map((r) => r.median).filter((time) => !Number.isNaN(time));
  const ratio = others.length > 0 ? `${(Math.min(...others) / results[0]!.median).toFixed(2)}×` : "";
  const share = shareOfCopy(results[0]!.median, words, suite);
  const memory = options.memory
    ? `  ${results.map(({ peak }) => (peak === undefined ? "" : `${(peak / 2 ** 20).toFixed(0)} MB`)).join(" / ")}`
    : "";
  console.log(`  ${name.slice(name.indexOf(" ") + 1).padEnd(26)} ${columns.join(" ")} ${ratio}${share}${memory}`);
} // prettier-ignore

for (const threads of options.threads.split(",")) {
  for (const key of asked) {
    const suite =
      suites[key] ?? program.error(`unknown suite "${key}": ${Object.keys(suites).join(", ")}`);
    const cases = suite.cases.filter((name) => name.includes(options.filter));
    console.log(`\n${suite.title}; ${threads} thread${threads === "1" ? "" : "s"}; × = best other / ours`);
    copies.clear();
    let peers = options.memory ? [] : await contestants(threads, key);
    for (const name of cases) {
      if (options.memory) peers = await contestants(threads, key);
      show(name, suite, peers, await measure(name, peers));
      if (options.memory) for (const peer of peers) peer.stop();
    }
    for (const peer of peers) peer.stop();
  }
} // prettier-ignore
process.exit(0);
