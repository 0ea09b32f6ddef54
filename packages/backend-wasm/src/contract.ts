// Runs float32 contract kernels: matrix products and convolutions in all three directions, through one
// emitted GEMM. Path: contract-axes (normal form) → contract-plan (decisions) → contract-emit (code).
import type { ContractKernel, MapKernel } from "@flambeau/core/extension";
import type { Executable, Operand } from "@flambeau/core/extension";
import type { LinearScalars } from "@flambeau/core/extension";
import { normalize } from "./contract-axes.ts";
import { emitContract } from "./contract-emit.ts";
import {
  canTakeTwoPasses, epilogueProgram, inTwoPasses, isPlain, leavesOf,
} from "./contract-epilogue.ts"; // prettier-ignore
import { splitPhases } from "./contract-phases.ts";
import { type ContractPlan, planContract } from "./contract-plan.ts";
import type { Pool, PoolModule } from "./threads.ts";

/** What contractions need of the backend they belong to. Handles are addresses in bytes. */
export interface ContractEnvironment {
  readonly pool: Pool;
  readonly relaxed: boolean;
  allocate(bytes: number): number;
  free(address: number): void;
  /** Modules by their structure; one map per pool. */
  readonly modules: Map<string, PoolModule>;
  /** Compiles the map that finishes what the epilogue cannot express. */
  compileMap?(kernel: MapKernel): Executable<number>;
}

const isSupported = (kernel: ContractKernel): boolean =>
  kernel.accumulator === "float32" &&
  kernel.loads.slice(0, 2).every(({ dtype, fill = 0 }) => dtype === "float32" && fill === 0);

/**
 * Prepares a contraction; `undefined` where the reduce lowering must serve. The kernel's `initial` is
 * left to the caller.
 */
export function compileContract(
  kernel: ContractKernel,
  environment: ContractEnvironment,
): Executable<number> | undefined {
  if (!isSupported(kernel) || kernel.axes.includes(0)) return undefined;
  return compileFused(kernel, environment) ?? compileInTwoPasses(kernel, environment);
}

/** One pass: the epilogue is computed where the sums are. */
function compileFused(
  kernel: ContractKernel,
  environment: ContractEnvironment,
): Executable<number> | undefined {
  const program = epilogueProgram(kernel);
  const parts = program && splitPhases(kernel);
  if (parts !== undefined) {
    const runs = parts.map((part) => compileFused(part, environment));
    if (runs.includes(undefined)) return undefined;
    return (inputs, outputs, params) => {
      for (const run of runs) run!(inputs, outputs, params);
    };
  }
  const contract = normalize(kernel);
  if (program === undefined || contract === undefined) return undefined;
  const plan = planContract(contract, {
    isPlain: isPlain(program),
    params: kernel.params.length,
    relaxed: environment.relaxed,
  });
  if (plan === undefined) return undefined;
  const { epilogueSteps } = plan.shape;
  // Loads of the epilogue are whole vectors or single elements.
  if (leavesOf(program, "load").some((position) => epilogueSteps[position - 2] === -1)) {
    return undefined;
  }
  return createExecutable(plan, program, kernel.loads.length, environment);
}

/** Two passes: sums into a temporary, then a map. */
function compileInTwoPasses(
  kernel: ContractKernel,
  environment: ContractEnvironment,
): Executable<number> | undefined {
  const { compileMap, allocate, free } = environment;
  if (compileMap === undefined || !canTakeTwoPasses(kernel)) return undefined;
  const { sums, finish, elements } = inTwoPasses(kernel);
  const first = compileFused(sums, environment);
  if (first === undefined) return undefined;
  const second = compileMap(finish);
  return (inputs, outputs, params) => {
    const temporary = { handle: allocate(elements * 4), offset: 0 };
    try {
      first(inputs, [temporary], []);
      second([temporary, ...inputs], outputs, params);
    } finally {
      free(temporary.handle);
    }
  };
}

function moduleOf(
  plan: ContractPlan,
  program: LinearScalars,
  { modules, pool, relaxed }: ContractEnvironment,
): PoolModule {
  const key = `contract ${JSON.stringify(plan.shape)} ${program.text}`;
  let module = modules.get(key);
  if (module === undefined) {
    const names = new Map([...plan.words.keys()].map((name, at) => [name, at]));
    const options = { program, shared: pool.shared, relaxed };
    module = pool.createModule(emitContract(plan.shape, names, options), { needsScratch: true });
    modules.set(key, module);
  }
  return module;
}

/** Binds a plan's numbers: a call patches the addresses into a copy of the parameter block. */
function createExecutable(
  plan: ContractPlan,
  program: LinearScalars,
  loadCount: number,
  environment: ContractEnvironment,
): Executable<number> {
  const { pool, allocate, free } = environment;
  const module = moduleOf(plan, program, environment);
  const names = [...plan.words.keys()];
  const words = Int32Array.from(plan.words.values());
  const { accesses, units, unitsPerChunk, mergeUnits, partialBytes } = plan;
  const bases = accesses.map(({ operand, offset }, i) => ({
    word: names.indexOf(i === 0 ? "a.base" : i === 1 ? "b.base" : `e${i}.base`),
    isInput: i < loadCount,
    operand,
    bytes: offset * 4,
  }));
  const [mode, partials] = [names.indexOf("mode"), names.indexOf("partials")];
  const floats = new Float32Array(words.buffer);
  const params = leavesOf(program, "param").map((i) => ({ i, word: names.indexOf(`param${i}`) }));
  return (inputs, outputs, numbers) => {
    for (const { i, word } of params) floats[word] = Number(numbers[i]!);
    for (const { word, isInput, operand, bytes } of bases) {
      const { handle, offset }: Operand<number> = (isInput ? inputs : outputs)[operand]!;
      words[word] = handle + offset * 4 + bytes;
    }
    if (mergeUnits === 0) {
      pool.runWith(module, words, units, unitsPerChunk);
      return;
    }
    const parts = allocate(partialBytes);
    try {
      words[partials] = parts;
      words[mode] = 0;
      pool.runWith(module, words, units, unitsPerChunk);
      words[mode] = 1;
      pool.runWith(module, words, mergeUnits, Math.max(1, Math.ceil(mergeUnits / 4)));
    } finally {
      free(parts);
    }
  };
}
