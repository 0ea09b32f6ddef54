// Tensor: a typed, shaped view on a buffer; immutable. No mathematics here: ops are attached as
// methods in index.ts. Variables, whose value can be replaced, are in variable.ts.
import type { GradientNode } from "./autograd/tape.ts";
import { type ComplexNumber, type DType, type TypedArray, byteSize, isComplex } from "./dtype.ts";
import {
  DTypeError,
  AutogradError,
  FlambeauError,
  MemoryError,
  ShapeError,
  TraceError,
  showShape,
} from "./errors.ts";
import type { GraphValue } from "./graph/graph.ts";
import type { TensorActions } from "./actions.ts";
import type { TensorMethods } from "./ops/methods.ts";
import { printTensor } from "./print.ts";
import { arrangeWords, decodeWords, highestOffset, lowestOffset } from "./runtime/arrange.ts";
import type { Device } from "./runtime/device.ts";
import type { Storage } from "./runtime/storage.ts";
import { register } from "./scope.ts";
import { type Layout, type Shape, layoutOf } from "./shape.ts";
import { state } from "./state.ts";

/** Nested arrays as `toArray()` returns them; a 0-d tensor gives a bare value. */
export type NestedArray = number | boolean | bigint | ComplexNumber | NestedArray[];

/** Where a tensor's elements are. */
export interface Placement {
  readonly storage: Storage;
  readonly layout: Layout;
  /** In elements. */
  readonly offset: number;
}

/** All elements of a batch, along axis 0 of `value`. Nested `vmap`s have rising levels. */
export interface Batched {
  readonly level: number;
  readonly value: Tensor;
}

// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export interface Tensor<S extends Shape = Shape> extends TensorMethods, TensorActions {
  readonly shape: S;
}

// eslint-disable-next-line typescript/no-unsafe-declaration-merging
export class Tensor<S extends Shape = Shape> {
  readonly dtype: DType;
  readonly device: Device;
  /** How the elements lie in the buffer. */
  layout: Layout;
  /** Position of the first element in the buffer. */
  offset: number;
  #storage: Storage | undefined;
  /** Set while tracing: the value of the graph that this tensor stands for. */
  readonly symbol: GraphValue | undefined;
  /** Set inside `vmap`: this tensor stands for one element of a batch. */
  batched: Batched | undefined = undefined;
  /** What computed this tensor, or accumulates its gradient; `undefined` where none is tracked. */
  node: GradientNode | undefined = undefined;
  /** Which output of `node` this is. */
  outputIndex = 0;
  /** During a backward walk: how many of its parts still need this gradient. @internal */
  holders = 0;
  #grad: Tensor | undefined;
  /** Whether `.grad` was read since it was set. */
  #isGradShared = false;

  /** @internal Use `tensor(…)`, `zeros(…)` and the like. */
  constructor(
    dtype: DType,
    device: Device,
    layout: Layout,
    offset: number,
    storage: Storage | undefined,
    symbol?: GraphValue,
  ) {
    this.dtype = dtype;
    this.device = device;
    this.layout = layout;
    this.offset = offset;
    this.#storage = storage;
    this.symbol = symbol;
    storage?.retain();
  }

  get ndim(): number {
    return this.layout.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return this.layout.size;
  }

  /** Steps between neighbours along each axis, in elements. */
  get strides(): readonly number[] {
    return this.layout.strides;
  }

  get isContiguous(): boolean {
    return this.layout.isContiguous;
  }

  /** Whether the elements are complex numbers. */
  get isComplex(): boolean {
    return isComplex(this.dtype);
  }

  /** Whether the value can be replaced. */
  get isVariable(): boolean {
    return false;
  }

  /** Whether gradients flow to or through this tensor. */
  get requiresGrad(): boolean {
    return this.node !== undefined;
  }

  /** Only variables change this; a plain tensor is given it when it is made. */
  set requiresGrad(_: boolean) {
    throw new AutogradError(
      "requiresGrad: a plain tensor cannot change. Make it with { requiresGrad: true }, or use a " +
        "Variable or Parameter.",
    );
  }

  /** Whether no recorded op computed this tensor. */
  get isLeaf(): boolean {
    return this.node === undefined || this.node.isLeaf;
  }

  /** The gradient that `backward()` accumulated here; assign `undefined` to clear it. */
  get grad(): Tensor | undefined {
    this.#isGradShared = true;
    return this.heldGradient;
  }

  /** `.grad` for code that does not keep it: the tensor may be freed when it is replaced. @internal */
  get heldGradient(): Tensor | undefined {
    return state.listener === undefined
      ? this.#grad
      : state.listener.readGradient(this, this.#grad);
  }

  set grad(value: Tensor | undefined) {
    if (state.listener !== undefined) {
      state.listener.writeGradient(this, value);
      return;
    }
    const held = value?.alias();
    // Whoever read the old one may still hold it.
    if (!this.#isGradShared) this.#grad?.dispose();
    this.#isGradShared = false;
    this.#grad = held;
  }

  /** `.grad` becomes `value` itself, which nobody else holds. @internal */
  adoptGradient(value: Tensor): void {
    if (!this.#isGradShared) this.#grad?.dispose();
    this.#isGradShared = false;
    this.#grad = value;
  }

  /** The buffer; throws for traced and freed tensors. */
  get storage(): Storage {
    return this.#storage ?? throwWithoutStorage(this);
  }

  /** The buffer, if there is one. @internal */
  get heldStorage(): Storage | undefined {
    return this.#storage;
  }

  /** The backend's handle of the buffer: tensors are operands of kernels as they are. @internal */
  get handle(): unknown {
    return this.storage.handle;
  }

  /** Throws where `storage` would. @internal */
  requireValue(): void {
    if (this.#storage === undefined) throwWithoutStorage(this);
  }

  get isDisposed(): boolean {
    return this.#storage === undefined && !this.isAbstract;
  }

  /** Whether this tensor stands for values that it does not hold: while tracing or inside `vmap`. */
  get isAbstract(): boolean {
    return this.symbol !== undefined || this.batched !== undefined;
  }

  /** Another handle on the same elements, outside any scope. @internal */
  alias(): Tensor {
    const copy = this.withoutHistory();
    copy.node = this.node;
    copy.outputIndex = this.outputIndex;
    return copy;
  }

  /** `alias()` of a tensor that was disposed of, whose buffer someone held. @internal */
  aliasOf(storage: Storage): Tensor {
    const copy = new Tensor(this.dtype, this.device, this.layout, this.offset, storage);
    copy.node = this.node;
    copy.outputIndex = this.outputIndex;
    return copy;
  }

  /** `alias()` that no gradient flows through. @internal */
  withoutHistory(): Tensor {
    const { dtype, device, layout, offset, symbol } = this;
    const copy = new Tensor(dtype, device, layout, offset, this.isAbstract ? undefined : this.storage, symbol); // prettier-ignore
    const { batched } = this;
    if (batched !== undefined) copy.batched = { ...batched, value: batched.value.alias() };
    return copy;
  }

  /** Moves this handle to other elements of equal dtype. @internal Only variables do this. */
  protected replace(placement: Placement): void {
    const old = this.#storage;
    placement.storage.retain();
    this.#storage = placement.storage;
    this.layout = placement.layout;
    this.offset = placement.offset;
    old?.release();
  }

  /** Frees the memory now if nothing else uses it. Nobody needs to call this. */
  dispose(): void {
    this.batched?.value.dispose();
    const storage = this.#storage;
    if (storage === undefined) return;
    this.#storage = undefined;
    storage.release();
    if (!this.#isGradShared) this.#grad?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #read(): Uint8Array | Promise<Uint8Array> {
    const { layout, storage } = this;
    const bytes = byteSize(this.dtype);
    if (layout.size === 0) return new Uint8Array(0);
    const first = this.offset + lowestOffset(layout);
    const count = layout.isContiguous
      ? layout.size
      : highestOffset(layout) - lowestOffset(layout) + 1;
    return this.device.backend.read(storage.handle, first * bytes, count * bytes);
  }

  /**
   * A copy of the elements, row-major; bool gives 0 and 1, int64 a BigInt64Array, float16 and
   * bfloat16 a Float32Array, complex numbers real and imaginary parts in turn.
   */
  async data(): Promise<TypedArray> {
    const { layout, dtype } = this;
    return decodeWords(arrangeWords(await this.#read(), dtype, layout), dtype);
  }

  /** A copy of the elements as memory holds them, row-major: what files of tensors contain. */
  async bytes(): Promise<Uint8Array> {
    const { layout, dtype } = this;
    const words = arrangeWords(await this.#read(), dtype, layout);
    return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  }

  /** `data()` without waiting, where the device allows. */
  dataSync(): TypedArray {
    const bytes = this.#read();
    if (bytes instanceof Promise) {
      throw new FlambeauError(
        `dataSync: device ${this.device.name} is asynchronous; use \`await t.data()\`.`,
      );
    }
    return decodeWords(arrangeWords(bytes, this.dtype, this.layout), this.dtype);
  }

  /** The only element, as a number. int64 beyond 2^53 and complex numbers throw. */
  async item(): Promise<number> {
    this.#requireOne();
    return toNumber((await this.data())[0]!);
  }

  /** `item()` without waiting, where the device allows. */
  itemSync(): number {
    this.#requireOne();
    return toNumber(this.dataSync()[0]!);
  }

  #requireOne(): void {
    if (isComplex(this.dtype)) {
      throw new DTypeError(
        `item: a ${this.dtype} value is no number. Use toArray(), which gives { re, im }, or take ` +
          `real(x), imag(x) or abs(x) first.`,
      );
    }
    if (this.size === 1) return;
    throw new ShapeError(
      `item: expected a tensor with one element, got shape ${showShape(this.shape)}. ` +
        `Use data() or toArray(), or reduce it first.`,
    );
  }

  /** Nested arrays of numbers; booleans for bool, `{ re, im }` for complex. Reads synchronously. */
  toArray(): NestedArray {
    const data = this.dataSync();
    const { shape } = this.layout;
    let at = 0;
    const build = (axis: number): NestedArray => {
      if (axis === shape.length) {
        const value = data[at++]!;
        if (isComplex(this.dtype)) return { re: Number(value), im: Number(data[at++]) };
        return this.dtype === "bool" ? value === 1 : toNumber(value);
      }
      return Array.from({ length: shape[axis]! }, () => build(axis + 1));
    };
    return build(0);
  }

  toString(): string {
    return printTensor(this);
  }

  /** JavaScript's operators know no tensors: `x + 1` would be a string, `x < 1` false. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      "JavaScript has no operators for tensors: write x.add(y), x.mul(y), x.lt(y), x.eq(y). To read " +
        "a number, use await x.item().",
    );
  }

  /** Node's console.log. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

Object.defineProperty(Tensor.prototype, "shape", {
  get(this: Tensor): Shape {
    return this.layout.shape;
  },
});

export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

function throwWithoutStorage({ symbol, batched, shape }: Tensor): never {
  if (symbol !== undefined) {
    throw new TraceError(
      `a traced tensor of shape ${showShape(shape)} has no value: it stands for one inside ` +
        `trace(…). Return it from the traced function, and read the result of the call.`,
    );
  }
  if (batched !== undefined) {
    throw new TraceError(
      `inside vmap(…) a tensor of shape ${showShape(shape)} stands for every element of a batch ` +
        `and has no single value. Return it, and read the result of the call.`,
    );
  }
  throw new MemoryError(
    `this tensor of shape ${showShape(shape)} was disposed of. Return it from the scope, or ` +
      `keep a copy with clone().`,
  );
}

function toNumber(value: number | bigint): number {
  if (typeof value === "number") return value;
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw new FlambeauError(
      `int64 value ${value} is beyond 2^53, which a number cannot hold. Use data(), which gives a ` +
        `BigInt64Array.`,
    );
  }
  return Number(value);
}

/** A new tensor on `storage`, noted in the open scope. @internal */
export function makeTensor(dtype: DType, layout: Layout, storage: Storage, offset = 0): Tensor {
  const result = new Tensor(dtype, storage.device, layout, offset, storage);
  register(result);
  return result;
}

/** A tensor that stands for each element of a batch. @internal */
export function makeBatched(value: Tensor, level: number): Tensor {
  const layout = layoutOf(value.shape.slice(1));
  const result = new Tensor(value.dtype, value.device, layout, 0, undefined);
  // A handle of its own: scopes may free the one that was given.
  result.batched = { level, value: value.alias() };
  register(result);
  return result;
}

/** A tensor that stands for a graph value. @internal */
export const makeSymbolic = (value: GraphValue, device: Device): Tensor =>
  new Tensor(value.dtype, device, layoutOf(value.shape), 0, undefined, value);
