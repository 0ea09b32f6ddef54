// The three kinds of op: composite and primitive here, elementwise in elementwise.ts. What these
// functions return is everything about the op: the public function, its tests' samples, its record.
import { modes } from "../modes.ts";
import type { Attributes, Operation } from "../operation.ts";
import type { DType } from "../dtype.ts";
import { PreparedCalls } from "../prepared.ts";
import { callInScope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Makes the tensors of a sample; each call draws new values. Typed `unknown`: were they `Tensor`, the
 * type of an op would depend on its own samples.
 */
export interface SampleSource {
  /** The dtype under test. */
  readonly dtype: DType;
  /** Values in `[low, high)`, default `[-2, 2)`, of the dtype under test; gradients are checked. */
  (shape: readonly number[], low?: number, high?: number): unknown;
  /** int64 values in `[low, high)`; no gradient. */
  integers(shape: readonly number[], low: number, high: number): unknown;
  booleans(shape: readonly number[]): unknown;
  /** Distinct values, at least 0.1 apart, so that order statistics have gradients. */
  distinct(shape: readonly number[]): unknown;
}

/** One way to call the op: gives its arguments. */
export type Sample = (make: SampleSource) => readonly unknown[];

export interface Tested {
  readonly samples: readonly Sample[];
  /** What the op accepts as the dtype under test; default all. */
  readonly dtypes?: readonly DType[];
  /** Why a kind of generated test does not apply: printed in the support table. */
  readonly skips?: { readonly [test: string]: string };
}

/** The `skips` of functions with kinks or steps. */
export const kinked = {
  tied: "at a kink PyTorch takes the slope of one side; central differences see both",
} as const;

/** The `skips` of functions that choose between equal zeros. */
export const eitherZero = {
  signedZero: "which of two zeros is larger is left to backends, as in PyTorch",
} as const;

export interface Definition extends Tested {
  readonly kind: "elementwise" | "composite" | "primitive";
  readonly name: string;
  readonly isDifferentiable: boolean;
  /** The scalar expression of an elementwise op, as text. */
  readonly formula?: () => string;
}

/** A public op: a function with its definition. */
export type Op<F> = F & { readonly definition: Definition };

/** Gives a function its definition. */
export const attach = <F extends object>(call: F, definition: Definition): Op<F> =>
  Object.assign(call, { definition });

export const isOp = (value: unknown): value is Op<(...inputs: never[]) => unknown> =>
  typeof value === "function" && "definition" in value;

interface CompositeOptions extends Tested {
  readonly isDifferentiable?: boolean;
  /**
   * Converts 16-bit floats for the whole body, and its results back: for what PyTorch computes in one
   * kernel, which rounds once. Default: each op of the body rounds.
   */
  readonly inFloat32?: (inputs: readonly unknown[], body: Body) => unknown;
}

type Body = (...inputs: readonly unknown[]) => unknown;

/**
 * An op made of other ops. Its intermediates are freed as it returns, unless the tape holds them.
 */
export function composite<F extends (...inputs: never[]) => unknown>(
  name: string,
  body: F,
  { inFloat32, ...tested }: CompositeOptions,
): Op<F> {
  const plain = body as unknown as Body;
  const run: Body = inFloat32 ? (...inputs) => inFloat32(inputs, plain) : plain;
  const call = ((...inputs: unknown[]) =>
    modes.recorder === undefined ? callInScope(run, inputs) : run(...inputs)) as unknown as F;
  const isDifferentiable = tested.isDifferentiable ?? true;
  return attach(call, { kind: "composite", name, ...tested, isDifferentiable });
}

type Record<A extends Attributes> = Omit<Operation<A>, "prepared" | "traits"> &
  Partial<Pick<Operation<A>, "traits">>;

/** Declares a primitive: shape rule, portable loops, gradient. */
export const primitive = <A extends Attributes>(record: Record<A>): Operation<A> => ({
  traits: {},
  ...record,
  prepared: new PreparedCalls(record.view !== undefined),
});

/** Makes a primitive's public function. */
export function expose<F extends (...inputs: never[]) => unknown>(
  operation: Operation<never>,
  call: F,
  tested: Tested,
): Op<F> {
  const isDifferentiable = operation.gradient !== undefined;
  return attach(call, { kind: "primitive", name: operation.name, ...tested, isDifferentiable });
}

/** The method that an op becomes: its first operand is `this`. */
export type MethodOf<F> = F extends (x: Tensor, ...rest: infer R) => infer Y
  ? (...rest: R) => Y
  : never;
