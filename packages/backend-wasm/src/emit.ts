// Turns a plan into the bytes of a module: the loops of maps, reductions and scans. `run(parameters, start,
// end)` computes outputs number start … end-1, in row-major order; `parameters` is the address of the
// kernel's block.
import { type Scalar, nodesOf, valueDType } from "@flambeau/core/extension";
import { Code, importMath } from "./code.ts";
import { type Local, ModuleBuilder } from "./encoder.ts";
import { applyRowCoordinates, storeElement } from "./element.ts";
import { Evaluation, depths, pushInitial } from "./evaluation.ts";
import { type Width, storeVector } from "./lanes.ts";
import { lowerScalar } from "./lower.ts";
import { type Plan, type Programs, coordinateLoads, programsOf } from "./plan.ts";
import { scalarType } from "./scalar-table.ts";
import { Walk, endLocal, startLocal } from "./walk.ts";

/** Visits the rows that hold outputs start … end-1: `body` gets where the row's part ends. */
function emitRows(walk: Walk, body: (limit: Local) => void): void {
  const { f } = walk.code;
  const { lengths } = walk.plan;
  const inner = walk.plan.kernel.outer - 1;
  const position = f.local("i32");
  const limit = f.local("i32");
  const length = walk.number(lengths[inner]!);
  f.get(startLocal).set(position);
  for (let axis = inner; axis >= 0; axis--) {
    const index = walk.index[axis]!;
    if (axis === 0) f.get(position).set(index);
    else {
      f.get(position).get(walk.number(lengths[axis]!)).op("i32.rem_u").set(index);
      f.get(position).get(walk.number(lengths[axis]!)).op("i32.div_u").set(position);
    }
  }
  f.get(startLocal).set(position);
  const exit = f.block();
  const again = f.loop();
  f.get(position).get(endLocal).op("i32.ge_s").brIf(exit);
  // limit = min(length, index + (end - position))
  const index = walk.index[inner]!;
  f.get(index).get(endLocal).op("i32.add").get(position).op("i32.sub").set(limit);
  f.get(length).get(limit).get(length).get(limit).op("i32.lt_s").op("select").set(limit);
  f.get(position).get(limit).op("i32.add").get(index).op("i32.sub").set(position);
  walk.startRow();
  body(limit);
  f.i32(0).set(index);
  const done = f.block();
  for (let axis = inner - 1; axis >= 0; axis--) {
    const outer = walk.index[axis]!;
    f.get(outer).i32(1).op("i32.add").tee(outer);
    f.get(walk.number(lengths[axis]!)).op("i32.lt_s").brIf(done);
    f.i32(0).set(outer);
  }
  f.end().br(again).end().end();
}

/** Stores the root values of an evaluation. */
function emitStores(walk: Walk, values: Evaluation, copies: number, width: Width): void {
  const { plan } = walk;
  plan.stores.forEach((access, i) => {
    const { combine } = plan.kernel.stores[i]!;
    for (let copy = 0; copy < copies; copy++) {
      const value = values.result(i, copy);
      if (plan.isVector) {
        storeVector(walk, access, combine, copy, width, value, (load, lane) =>
          values.pushCoordinate(load, lane, copy),
        );
      } else {
        const lanes = access.varies[plan.vectorAxis] ? copy : 0;
        storeElement(walk, access, combine, lanes, value, (load) =>
          values.pushCoordinate(load, 0, copy),
        );
      }
    }
  });
}

function emitMap(walk: Walk, programs: Programs): void {
  const { plan } = walk;
  const coordinates = coordinateLoads(programs.element, plan.loads, plan.stores);
  const values = new Evaluation(walk, coordinates, programs.element);
  emitRows(walk, (limit) => {
    startRow(walk, [values]);
    walk.cover(limit, (copies, isPartial) => {
      const width = isPartial ? "partial" : "full";
      values.emit(depths.output, copies, width);
      emitStores(walk, values, copies, width);
    });
  });
}

/** What holds for a whole row. */
function startRow(walk: Walk, evaluations: readonly Evaluation[]): void {
  const { plan } = walk;
  const used = new Set(evaluations.flatMap(({ program }) => program.steps)
    .filter((step) => step.op === "load").map((step) => step.position!)); // prettier-ignore
  for (const load of used) applyRowCoordinates(walk, plan.loads[load]!);
  for (const store of plan.stores) applyRowCoordinates(walk, store);
  for (const evaluation of evaluations) evaluation.emit(depths.row, 1, "full");
}

/** Nested loops over the reduced axes from `axis` to the one before `last`, then `body`. */
function emitNest(walk: Walk, axis: number, last: number, body: () => void): void {
  if (axis === last) return body();
  walk.enter(axis, () => {
    const limit = walk.number(walk.plan.lengths[axis]!);
    walk.stride(axis, limit, 1, () => emitNest(walk, axis + 1, last, body));
  });
}

function emitReduce(walk: Walk, programs: Programs): void {
  const { plan, code } = walk;
  const { f } = code;
  const { outer, axes, states } = plan.kernel;
  const typeOf = (i: number) => (plan.isVector ? "v128" : scalarType[valueDType(states[i]!.dtype)]);
  const state = states.map((_, i) => Array.from({ length: plan.copies }, () => f.local(typeOf(i))));
  const step = new Evaluation(
    walk,
    coordinateLoads(programs.element, plan.loads, []),
    programs.element,
    { state, depth: depths.element },
  );
  const finish = new Evaluation(
    walk,
    coordinateLoads(programs.finish, plan.loads, plan.stores),
    programs.finish,
    { state, depth: depths.output },
  );
  const initialize = (copies: number) =>
    states.forEach(({ dtype, initial }, i) => {
      for (let copy = 0; copy < copies; copy++) {
        pushInitial(walk, dtype, initial);
        f.set(state[i]![copy]!);
      }
    });
  /** All next states are known before the first is replaced. */
  const assign = (push: (i: number) => void, copy: number) => {
    states.forEach((_, i) => push(i));
    for (let i = states.length - 1; i >= 0; i--) f.set(state[i]![copy]!);
  };
  const takeStep = (copies: number, width: Width) => {
    step.emit(depths.element, copies, width);
    for (let copy = 0; copy < copies; copy++) {
      assign((i) => {
        f.get(step.result(i, copy));
        // Lanes beyond the end keep what they had.
        if (width === "partial") {
          f.get(state[i]![copy]!).i32x4(0, 1, 2, 3).get(walk.remaining).op("i32x4.splat");
          f.op("i32x4.lt_s").op("v128.bitselect");
        }
      }, copy);
    }
  };

  if (plan.schedule === "columns") {
    emitRows(walk, (limit) => {
      startRow(walk, [step, finish]);
      walk.cover(limit, (copies, isPartial) => {
        const width = isPartial ? "partial" : "full";
        initialize(copies);
        step.emit(depths.output, copies, width);
        emitNest(walk, outer, axes.length, () => {
          step.emit(depths.element, copies, width);
          for (let copy = 0; copy < copies; copy++)
            assign((i) => f.get(step.result(i, copy)), copy);
        });
        finish.emit(depths.output, copies, width);
        emitStores(walk, finish, copies, width);
      });
    });
    return;
  }

  const merge = mergeStates(walk, programs.merge, state);
  const last = axes.length - 1;
  emitRows(walk, (limit) => {
    startRow(walk, [step, finish]);
    walk.stride(outer - 1, limit, 1, () => {
      initialize(plan.copies);
      step.emit(depths.output, 1, "full");
      emitNest(walk, outer, last, () => {
        walk.enter(last, () => {
          walk.cover(walk.number(plan.lengths[last]!), (copies, isPartial) =>
            takeStep(copies, isPartial ? "partial" : "full"),
          );
        });
      });
      merge();
      finish.emit(depths.output, 1, "one");
      emitStores(walk, finish, 1, "one");
    });
  });
}

/** Rows run side by side, in lanes and copies; each stores at every position of the last axis. */
function emitScan(walk: Walk, programs: Programs): void {
  const { plan, code } = walk;
  const { f } = code;
  const { outer, axes, states } = plan.kernel;
  const state = states.map(({ dtype }) => {
    const type = plan.isVector ? "v128" : scalarType[valueDType(dtype)];
    return Array.from({ length: plan.copies }, () => f.local(type));
  });
  const bindings = { state, depth: depths.element };
  const { element, finish } = programs;
  const step = new Evaluation(walk, coordinateLoads(element, plan.loads, []), element, bindings);
  const coordinates = coordinateLoads(finish, plan.loads, plan.stores);
  const values = new Evaluation(walk, coordinates, finish, bindings);
  emitRows(walk, (limit) => {
    startRow(walk, [step, values]);
    walk.cover(limit, (copies, isPartial) => {
      const width = isPartial ? "partial" : "full";
      states.forEach(({ dtype, initial }, i) => {
        for (let copy = 0; copy < copies; copy++) {
          pushInitial(walk, dtype, initial);
          f.set(state[i]![copy]!);
        }
      });
      step.emit(depths.output, copies, width);
      values.emit(depths.output, copies, width);
      emitNest(walk, outer, axes.length, () => {
        step.emit(depths.element, copies, width);
        for (let copy = 0; copy < copies; copy++) {
          states.forEach((_, i) => f.get(step.result(i, copy)));
          for (let i = states.length - 1; i >= 0; i--) f.set(state[i]![copy]!);
        }
        values.emit(depths.element, copies, width);
        emitStores(walk, values, copies, width);
      });
    });
  });
}

/** Joins the accumulators, then the lanes, into the first lane of copy 0, in an order fixed by shape. */
function mergeStates(walk: Walk, roots: readonly Scalar[], state: Local[][]): () => void {
  const { code, plan } = walk;
  const { f } = code;
  const other = state.map((_, i) =>
    f.local(plan.isVector ? "v128" : scalarType[valueDType(plan.kernel.states[i]!.dtype)]),
  );
  const evaluate = (into: number) => {
    const merge = new Evaluation(walk, [], roots, {
      state: state.map((copies) => [copies[into]!]),
      other: other.map((local) => [local]),
      depth: depths.element,
    });
    return () => {
      merge.emit(depths.element, 1, "full");
      state.forEach((_, i) => f.get(merge.result(i, 0)));
      for (let i = state.length - 1; i >= 0; i--) f.set(state[i]![into]!);
    };
  };
  return () => {
    const join: (() => void)[] = [];
    const mergeInto = (into: number) => (join[into] ??= evaluate(into))();
    for (let half = plan.copies / 2; half >= 1; half /= 2) {
      for (let copy = 0; copy < half; copy++) {
        state.forEach((copies, i) => f.get(copies[copy + half]!).set(other[i]!));
        mergeInto(copy);
      }
    }
    if (!plan.isVector) return;
    for (const distance of [2, 1]) {
      state.forEach((copies, i) => {
        f.get(copies[0]!).get(copies[0]!);
        f.shuffle32(distance, distance + 1, distance, distance + 1).set(other[i]!);
      });
      mergeInto(0);
    }
  };
}

/** Emits the module of a plan. */
export function emitModule(plan: Plan, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(shared);
  const { element, merge, finish } = programsOf(plan.kernel);
  const programs: Programs = {
    element: element.map(lowerScalar),
    merge: merge.map(lowerScalar),
    finish: finish.map(lowerScalar),
  };
  const roots = [...programs.element, ...programs.merge, ...programs.finish];
  const nodes = [...nodesOf(...roots)];
  const imports = importMath(
    module,
    nodes.map((node) => node.op),
  );
  const f = module.function("run", ["i32", "i32", "i32"]);
  const code = new Code(module, f, imports);
  const used = coordinateLoads(roots, plan.loads, plan.stores);
  const loads = new Set<number>();
  for (const node of [...nodes, ...used]) if (node.op === "load") loads.add(node.position);
  // Coordinates that hold for a row are read through their own pointers.
  for (const access of [...[...loads].map((i) => plan.loads[i]!), ...plan.stores]) {
    for (const { load } of access.indirections) loads.add(load);
  }
  const accesses = [...loads].sort((a, b) => a - b).map((i) => plan.loads[i]!);
  const walk = new Walk(code, plan, [...accesses, ...plan.stores]);
  if (plan.schedule === "map") emitMap(walk, programs);
  else if (plan.schedule === "scan") emitScan(walk, programs);
  else emitReduce(walk, programs);
  return module.encode();
}
