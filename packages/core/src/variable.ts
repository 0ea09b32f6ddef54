// Variables: tensors whose value can be replaced. All state lives in them: parameters, running
// statistics, optimiser moments, generators.
import { LeafNode } from "./autograd/tape.ts";
import type { Kernel, MapKernel, Store } from "./compiler/kernel.ts";
import { compileKernel } from "./compiler/compile.ts";
import { broadcastLoad } from "./compiler/lower.ts";
import { isContinuous } from "./dtype.ts";
import { AutogradError, DTypeError, ShapeError, showShape } from "./errors.ts";
import { noGrad } from "./modes.ts";
import { listTensors, slicePart } from "./ops/at.ts";
import { cast, clone } from "./ops/cast.ts";
import { full, fullLike } from "./ops/creation.ts";
import type { OperandDescription } from "./operation.ts";
import { type IndexItem, type IndexPlan, planIndex } from "./ops/index-plan.ts";
import { expand } from "./ops/view.ts";
import { updated } from "./ops/update.ts";
import { describe } from "./apply.ts";
import type { Executable } from "./runtime/backend.ts";
import { leaf } from "./scalar/instruction.ts";
import { scope } from "./scope.ts";
import { type Shape, broadcastShapes, sameShape } from "./shape.ts";
import { state } from "./state.ts";
import { Tensor, isTensor } from "./tensor.ts";

/** A tensor whose value can be replaced; shape, dtype and device stay. */
export class Variable<S extends Shape = Shape> extends Tensor<S> {
  /** Takes a handle on `value`; no copy is made. */
  constructor(value: Tensor, options: { readonly requiresGrad?: boolean } = {}) {
    super(value.dtype, value.device, value.layout, value.offset, value.storage);
    if (options.requiresGrad) this.requiresGrad = true;
  }

  override get isVariable(): boolean {
    return true;
  }

  override get requiresGrad(): boolean {
    return this.node !== undefined;
  }

  /** Freezes (false) or unfreezes the variable for gradients. */
  override set requiresGrad(wanted: boolean) {
    if (wanted && !isContinuous(this.dtype)) {
      throw new AutogradError(
        `requiresGrad: only float tensors have gradients, got ${this.dtype}. Cast with to("float32").`,
      );
    }
    this.node = wanted ? (this.node ?? new LeafNode(this)) : undefined;
  }

  /**
   * Replaces the value. Earlier results, views and the tape keep the old one. Shape and dtype must be
   * equal; a number fills.
   */
  assign(value: Tensor | number): this {
    const next = isTensor(value) ? value : noGrad(() => fullLike(this, value));
    if (!sameShape(next.shape, this.shape)) {
      throw new ShapeError(
        `assign: expected shape ${showShape(this.shape)}, got ${showShape(next.shape)}.`,
      );
    }
    if (next.dtype !== this.dtype) {
      throw new DTypeError(
        `assign: expected ${this.dtype}, got ${next.dtype}. Convert with to("${this.dtype}").`,
      );
    }
    if (state.listener !== undefined) state.listener.writeVariable(this, next);
    else this.replace(next);
    if (!isTensor(value)) next.dispose();
    return this;
  }

  /** Writes `value` (broadcast) into the part that `index` names, as `at` does. PyTorch's `x[i] = v`. */
  setAt(index: readonly IndexItem[], value: Tensor | number): this {
    return this.#write(index, value, "set");
  }

  /** Adds `value` (broadcast) into the part that `index` names; repeated positions add up. */
  addAt(index: readonly IndexItem[], value: Tensor | number): this {
    return this.#write(index, value, "add");
  }

  #write(index: readonly IndexItem[], value: Tensor | number, combine: "set" | "add"): this {
    noGrad(() => scope(() => this.#writeNow(planIndex(this.shape, index), value, combine)));
    return this;
  }

  #writeNow(plan: IndexPlan, value: Tensor | number, combine: "set" | "add"): void {
    const given = isTensor(value)
      ? cast(value, this.dtype)
      : full([], value, { dtype: this.dtype, device: this.device });
    if (state.listener !== undefined) {
      this.assign(updated(this, plan, given, combine));
      return;
    }
    // Someone else still sees this buffer: leave it to them.
    if (!this.storage.isSoleOwner || !this.isContiguous) this.assign(clone(this));
    const target = slicePart(this, plan);
    if (target.storage !== this.storage) {
      this.assign(updated(this, plan, given, combine));
      return;
    }
    const lists = listTensors(plan, this);
    const axes = plan.lists.map(({ axis }) => axis);
    writeInto(target, axes, lists, given, combine);
  }
}

/** A variable that training changes: gradients are tracked from the start. */
export class Parameter<S extends Shape = Shape> extends Variable<S> {
  constructor(value: Tensor, options: { readonly requiresGrad?: boolean } = {}) {
    super(value, { requiresGrad: options.requiresGrad ?? true });
  }
}

const writers = new Map<string, Executable>();

/** Stores `value` into a view, in place; `lists` replace the view's `axes`. */
function writeInto(
  target: Tensor,
  axes: readonly number[],
  lists: readonly Tensor[],
  value: Tensor,
  combine: "set" | "add",
): void {
  const index = broadcastShapes("setAt", ...lists.map((list) => list.shape));
  const kept = target.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const place = axes.every((axis, i) => i === 0 || axis === axes[i - 1]! + 1) ? (axes[0] ?? 0) : 0;
  const loops = [
    ...kept.slice(0, place).map((axis) => target.shape[axis]!),
    ...index,
    ...kept.slice(place).map((axis) => target.shape[axis]!),
  ];
  const source = expand(value, loops);
  const strides = loops.map((_, loop) => {
    const i = loop < place ? loop : loop - index.length;
    return loop >= place && loop < place + index.length ? 0 : target.strides[kept[i]!]!;
  });
  const store: Store = {
    operand: 0,
    dtype: target.dtype,
    offset: 0,
    strides,
    value: leaf("load", lists.length, target.dtype),
    combine,
    indirections: axes.map((axis, load) => ({
      load,
      size: target.shape[axis]!,
      stride: target.strides[axis]!,
      wraps: true,
    })),
  };
  const kernel: MapKernel = {
    kind: "map",
    axes: loops,
    loads: [
      ...lists.map((list, i) => {
        const own = broadcastLoad(i, describe(list), index);
        const spread = loops.map(() => 0);
        own.strides.forEach((stride, axis) => (spread[place + axis] = stride));
        return { ...own, strides: spread };
      }),
      broadcastLoad(lists.length, describe(source), loops),
    ],
    params: [],
    stores: [store],
  };
  const operands = [...lists, source].map((x) => ({ handle: x.storage.handle, offset: x.offset }));
  executableFor(target, kernel, [...lists, source].map(describe))(
    operands,
    [{ handle: target.storage.handle, offset: target.offset }],
    [],
  );
}

function executableFor(
  target: Tensor,
  kernel: Kernel,
  inputs: readonly OperandDescription[],
): Executable {
  const key = `${target.device.name} ${JSON.stringify(kernel)}`;
  let executable = writers.get(key);
  if (executable === undefined) {
    if (writers.size >= 256) writers.delete(writers.keys().next().value!);
    executable = compileKernel(kernel, inputs, [target.layout], target.device);
    writers.set(key, executable);
  }
  return executable;
}
