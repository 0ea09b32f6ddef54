// The expression that a contraction stores, computed four elements at a time from the tile of sums.
// What this cannot express (other dtypes, positions, several stores) takes a second pass as a map.
import type { ContractKernel, MapKernel } from "@flambeau/core/extension";
import { type Scalar, leaf, nodesOf, transform } from "@flambeau/core/extension";
import { type LinearScalars, linearize } from "@flambeau/core/extension";
import type { Code } from "./code.ts";
import type { Local } from "./encoder.ts";
import { lowerScalar } from "./lower.ts";
import {
  type LaneDType, emitSplat, emitVectorCast, emitVectorConstant, isLaneDType, vectorTable,
} from "./vector-table.ts"; // prettier-ignore

/** The program of the only store; `undefined` where a second pass is needed. */
export function epilogueProgram(kernel: ContractKernel): LinearScalars | undefined {
  const [store] = kernel.stores;
  if (kernel.stores.length !== 1) return undefined;
  if ((store!.combine ?? "set") !== "set" || store!.dtype !== "float32") return undefined;
  const program = linearize([lowerScalar(store!.value)]);
  const fits = program.steps.every(({ op, dtype, position }) => {
    if (op === "index" || op === "arg" || op === "other") return false;
    if (op === "load") return position! >= 2 && dtype === "float32";
    if (op === "param") return dtype === "float32";
    return isLaneDType(dtype);
  });
  return fits ? program : undefined;
}

/** Whether the sums are stored as they are. */
export const isPlain = (program: LinearScalars): boolean =>
  program.steps.length === 1 && program.steps[0]!.op === "state";

/** Which loads and params a program reads. */
export const leavesOf = (program: LinearScalars, op: "load" | "param"): number[] => [
  ...new Set(program.steps.filter((step) => step.op === op).map((step) => step.position!)),
];

/** Where a program's leaves come from. */
export interface EpilogueLeaves {
  readonly state: Local;
  /** Pushes four elements of a load. */
  pushLoad(position: number): void;
  /** Pushes a run-time number, an f32. */
  pushParam(position: number): void;
}

/** Emits the program; returns where its value is. `locals` keeps one local per step between calls. */
export function emitEpilogue(
  code: Code,
  { steps, results }: LinearScalars,
  leaves: EpilogueLeaves,
  locals: Map<number, Local>,
): Local {
  const { f } = code;
  const place = (at: number): Local => {
    const step = steps[at]!;
    if (step.op === "state") return leaves.state;
    const local = locals.get(at) ?? f.local("v128");
    locals.set(at, local);
    return local;
  };
  steps.forEach((step, at) => {
    const dtype = step.dtype as LaneDType;
    const [x = 0, y = 0, z = 0] = step.operands.map(place);
    const operand = step.operands[0] === undefined ? dtype : (steps[step.operands[0]]!.dtype as LaneDType); // prettier-ignore
    switch (step.op) {
      case "state":
        return;
      case "const":
        emitVectorConstant(f, dtype, Number(step.value));
        break;
      case "load":
        leaves.pushLoad(step.position!);
        break;
      case "param":
        leaves.pushParam(step.position!);
        emitSplat(f, dtype);
        break;
      case "cast":
        f.get(x);
        emitVectorCast(code, operand, dtype);
        break;
      case "bitcast":
        f.get(x);
        break;
      case "select":
        f.get(y).get(z).get(x).op("v128.bitselect");
        break;
      default: {
        const second = step.operands[1] === undefined ? undefined : steps[step.operands[1]];
        const value = second?.op === "const" ? second.value : undefined;
        vectorTable[operand][step.op as "add"](code, x, y, value);
      }
    }
    f.set(place(at));
  });
  return place(results[0]!);
}

/** A contraction that leaves plain sums in a dense temporary, and the map that finishes from there. */
export function inTwoPasses(kernel: ContractKernel): {
  readonly sums: ContractKernel;
  readonly finish: MapKernel;
  readonly elements: number;
} {
  const { axes, groups } = kernel;
  const outer = axes.slice(0, axes.length - groups.k);
  const strides = outer.map((_, axis) =>
    outer.slice(axis + 1).reduce((product, length) => product * length, 1),
  );
  const dtype = kernel.accumulator;
  const dense = { operand: 0, dtype, offset: 0, strides: [...strides, ...axes.slice(outer.length).map(() => 0)] }; // prettier-ignore
  const value = leaf("state", 0, dtype);
  // The temporary becomes load 0 and operand 0; the other loads and operands move up by one.
  const trim = <T extends { readonly strides: readonly number[] }>(access: T): T => ({
    ...access,
    strides: access.strides.slice(0, outer.length),
  });
  const rename = (e: Scalar): Scalar =>
    transform(e, (node) => {
      if (node.op === "state") return leaf("load", 0, dtype);
      if (node.op === "load") return leaf("load", node.position - 1, node.dtype);
      return node;
    });
  return {
    sums: {
      ...kernel,
      initial: undefined,
      params: [],
      loads: kernel.loads.slice(0, 2),
      stores: [{ ...dense, value }],
    },
    finish: {
      kind: "map",
      axes: outer,
      loads: [
        { operand: 0, dtype, offset: 0, strides },
        ...kernel.loads.slice(2).map((load) => ({ ...trim(load), operand: load.operand + 1 })),
      ],
      params: kernel.params,
      stores: kernel.stores.map((store) => ({ ...trim(store), value: rename(store.value) })),
    },
    elements: outer.reduce((product, length) => product * length, 1),
  };
}

/** Whether a second pass can finish it: epilogue accesses without guards or indirections. */
export const canTakeTwoPasses = (kernel: ContractKernel): boolean =>
  [...kernel.loads.slice(2), ...kernel.stores].every(
    ({ guards = [], indirections = [] }) => guards.length === 0 && indirections.length === 0,
  ) &&
  [...nodesOf(...kernel.stores.map((store) => store.value))].every(
    (node) => node.op !== "load" || node.position >= 2,
  );
