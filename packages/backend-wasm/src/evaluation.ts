// Emits a program of scalar expressions inside a kernel's loops: each step as far out as its operands
// allow, once for each vector in flight where it differs between them, its value in a local.
import {
  type LinearScalars,
  type Scalar,
  type Step,
  convert,
  linearize,
  valueDType,
} from "@flambeau/core/extension";
import type { Local } from "./encoder.ts";
import { pushElement } from "./element.ts";
import { type Width, pushVector } from "./lanes.ts";
import {
  emitBitcast, emitCast, emitConstant, scalarTable, scalarType,
} from "./scalar-table.ts"; // prettier-ignore
import {
  type LaneDType, emitSplat, emitVectorCast, emitVectorConstant, vectorTable,
} from "./vector-table.ts"; // prettier-ignore
import { type Walk, parametersLocal } from "./walk.ts";

/** How far out a value can be computed. */
export const depths = { function: 0, row: 1, output: 2, element: 3 } as const;
export type Depth = (typeof depths)[keyof typeof depths];

/** Where `state` and `other` leaves are: by state, then by copy. */
export interface Bindings {
  readonly state: readonly (readonly Local[])[];
  readonly other?: readonly (readonly Local[])[];
  /** The depth from which they can be read. */
  readonly depth: Depth;
}

export class Evaluation {
  readonly program: LinearScalars;
  private readonly coordinateCount: number;
  private readonly walk: Walk;
  private readonly bindings: Bindings | undefined;
  private readonly depth: Depth[] = [];
  private readonly isCopied: boolean[] = [];
  private readonly locals: (Local | undefined)[][] = [];
  private readonly loads = new Map<number, number>();

  /** `coordinates` are loads to evaluate before everything else; `roots` are lowered. */
  constructor(
    walk: Walk,
    coordinates: readonly Scalar[],
    roots: readonly Scalar[],
    bindings?: Bindings,
  ) {
    this.walk = walk;
    this.bindings = bindings;
    const program = linearize([...coordinates, ...roots]);
    this.program = program;
    this.coordinateCount = coordinates.length;
    program.steps.forEach((step, at) => {
      this.locals.push([]);
      this.depth.push(this.depthOf(step));
      this.isCopied.push(this.copiedOf(step));
      if (step.op === "load") this.loads.set(step.position!, at);
    });
    // Everything that does not change is computed at the start of the function.
    this.emit(depths.function, 1, "full");
  }

  private depthOf(step: Step): Depth {
    const { outer } = this.walk.plan.kernel;
    switch (step.op) {
      case "const":
      case "param":
        return depths.function;
      case "index":
        return step.position! >= outer
          ? depths.element
          : step.position === outer - 1
            ? depths.output
            : depths.row;
      case "load": {
        const { varies } = this.walk.plan.loads[step.position!]!;
        if (varies.includes(true, outer)) return depths.element;
        return varies[outer - 1] ? depths.output : depths.row;
      }
      case "state":
      case "other":
        return this.bindings!.depth;
      default: {
        let depth: Depth = depths.function;
        for (const operand of step.operands) {
          if (this.depth[operand]! > depth) depth = this.depth[operand]!;
        }
        return depth;
      }
    }
  }

  private copiedOf(step: Step): boolean {
    const axis = this.walk.plan.vectorAxis;
    if (step.op === "index") return step.position === axis;
    if (step.op === "load") return this.walk.plan.loads[step.position!]!.varies[axis]!;
    if (step.op === "state" || step.op === "other") return true;
    return step.operands.some((operand) => this.isCopied[operand]!);
  }

  /** Emits the steps of one depth. */
  emit(depth: Depth, copies: number, width: Width): void {
    const { steps } = this.program;
    for (let at = 0; at < steps.length; at++) {
      if (this.depth[at] !== depth) continue;
      const step = steps[at]!;
      if (step.op === "state" || step.op === "other") continue;
      const count = this.isCopied[at] ? copies : 1;
      for (let copy = 0; copy < count; copy++) {
        if (depth === depths.function) {
          this.walk.code.f.atStart(() => this.compute(step, at, 0, width));
        } else this.compute(step, at, copy, width);
      }
    }
  }

  private compute(step: Step, at: number, copy: number, width: Width): void {
    const { code, plan } = this.walk;
    if (step.op === "const") {
      // Vector constants take several instructions in a loop; scalars are cheap where they stand.
      this.locals[at]![copy] = code.hoist(
        `const ${Object.is(step.value, -0) ? "-0" : step.value} ${step.dtype}`,
        plan.isVector ? "v128" : scalarType[valueDType(step.dtype)],
        (f) => {
          if (plan.isVector) emitVectorConstant(f, step.dtype as LaneDType, Number(step.value));
          else emitConstant(f, step.dtype, step.value!);
        },
      );
      return;
    }
    let local = this.locals[at]![copy];
    if (local === undefined) {
      local = code.f.local(plan.isVector ? "v128" : scalarType[valueDType(step.dtype)]);
      this.locals[at]![copy] = local;
    }
    if (plan.isVector) this.computeVector(step, copy, width);
    else this.computeScalar(step, copy);
    code.f.set(local);
  }

  /** Where the value of step `at` is. */
  local(at: number, copy: number): Local {
    const step = this.program.steps[at]!;
    if (step.op === "state") return this.bindings!.state[step.position!]![copy]!;
    if (step.op === "other") return this.bindings!.other![step.position!]![copy]!;
    return this.locals[at]![this.isCopied[at] ? copy : 0]!;
  }

  /** Where the value of root expression `i` is. */
  result(i: number, copy: number): Local {
    return this.local(this.program.results[this.coordinateCount + i]!, copy);
  }

  private pushParam(position: number): void {
    const { f } = this.walk.code;
    const dtype = this.walk.plan.kernel.params[position]!;
    const slot = this.walk.plan.params[position]!;
    f.get(parametersLocal).memory(`${scalarType[valueDType(dtype)]}.load`, slot);
  }

  /** Pushes the coordinate that load `load` holds for a lane of vector `copy`. */
  pushCoordinate(load: number, lane: number, copy: number): void {
    const { f } = this.walk.code;
    f.get(this.local(this.loads.get(load)!, copy));
    if (this.walk.plan.isVector) f.lane("i32x4.extract_lane", lane);
  }

  private computeVector(step: Step, copy: number, width: Width): void {
    const { walk } = this;
    const { code, plan } = walk;
    const { f } = code;
    const dtype = step.dtype as LaneDType;
    const [x = 0, y = 0, z = 0] = step.operands.map((at) => this.local(at, copy));
    switch (step.op) {
      case "param":
        this.pushParam(step.position!);
        return emitSplat(f, dtype);
      case "index":
        f.get(walk.index[step.position!]!).op("i32x4.splat");
        if (step.position === plan.vectorAxis) {
          const first = copy * 4;
          f.i32x4(first, first + 1, first + 2, first + 3).op("i32x4.add");
        }
        return;
      case "load": {
        const { fill } = plan.kernel.loads[step.position!]!;
        const access = plan.loads[step.position!]!;
        return pushVector(walk, access, fill, copy, width, (load, lane) =>
          this.pushCoordinate(load, lane, copy),
        );
      }
      case "cast":
        f.get(x);
        return emitVectorCast(
          code,
          this.program.steps[step.operands[0]!]!.dtype as LaneDType,
          dtype,
        );
      case "bitcast":
        return void f.get(x);
      case "select":
        return void f.get(y).get(z).get(x).op("v128.bitselect");
      default: {
        const operand = this.program.steps[step.operands[0]!]!.dtype as LaneDType;
        const second =
          step.operands[1] === undefined ? undefined : this.program.steps[step.operands[1]];
        vectorTable[operand][step.op as "add"](
          code, x, y, second?.op === "const" ? second.value : undefined,
        ); // prettier-ignore
      }
    }
  }

  private computeScalar(step: Step, copy: number): void {
    const { walk } = this;
    const { code, plan } = walk;
    const { f } = code;
    const [x = 0, y = 0, z = 0] = step.operands.map((at) => this.local(at, copy));
    switch (step.op) {
      case "param":
        return this.pushParam(step.position!);
      case "index":
        f.get(walk.index[step.position!]!);
        if (step.position === plan.vectorAxis && copy > 0) f.i32(copy).op("i32.add");
        return;
      case "load": {
        const access = plan.loads[step.position!]!;
        const { fill } = plan.kernel.loads[step.position!]!;
        const lanes = access.varies[plan.vectorAxis] ? copy : 0;
        return pushElement(walk, access, fill, lanes, (load) => this.pushCoordinate(load, 0, copy));
      }
      case "cast":
        f.get(x);
        return emitCast(code, this.program.steps[step.operands[0]!]!.dtype, step.dtype);
      case "bitcast":
        f.get(x);
        return emitBitcast(code, this.program.steps[step.operands[0]!]!.dtype, step.dtype);
      case "select":
        return void f.get(y).get(z).get(x).op("select");
      default: {
        const operand = this.program.steps[step.operands[0]!]!.dtype;
        scalarTable[valueDType(operand)][step.op as "add"](code, x, y);
      }
    }
  }
}

/** Pushes a state's initial value. */
export function pushInitial(walk: Walk, dtype: Step["dtype"], initial: number | bigint): void {
  const { f } = walk.code;
  const value = convert(initial, typeof initial === "bigint" ? "int64" : "float64", dtype);
  if (walk.plan.isVector) emitVectorConstant(f, dtype as LaneDType, Number(value));
  else emitConstant(f, dtype, value);
}
