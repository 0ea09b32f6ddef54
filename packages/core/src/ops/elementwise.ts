// Elementwise ops: one scalar expression gives shape, dtype, kernels and gradients of every order.
import { apply } from "../apply.ts";
import type { MapKernel } from "../compiler/kernel.ts";
import { broadcastLoad, contiguousStore } from "../compiler/lower.ts";
import {
  type ComplexNumber,
  type DType,
  dtypeOfNumber,
  isComplex,
  isComplexNumber,
  isContinuous,
  resultType,
} from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { type GradientContext, HostValue, type Operation, type TensorLike } from "../operation.ts";
import { PreparedCalls, noAttributes } from "../prepared.ts";
import { pullback } from "../scalar/derive.ts";
import { showScalar } from "../scalar/linear.ts";
import { type Scalar, constant, leaf, nodesOf, s, substitute } from "../scalar/instruction.ts"; // prettier-ignore
import { broadcastShapes } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { type Op, type Tested, attach } from "./define.ts";

/**
 * How operands convert before the expression sees them. `arithmetic`: to their promoted dtype;
 * `float`: the same, but integers and bools become float32; `own`: not at all.
 */
export type Promotion = "arithmetic" | "float" | "own";

export interface ElementwiseRule extends Partial<Tested> {
  readonly promotion?: Promotion;
  /** Operands that take no part in promotion and keep their dtype (conditions). */
  readonly apart?: readonly number[];
  /** dtypes refused, with the reason. */
  readonly refuses?: { readonly [D in DType]?: string };
  /**
   * Gradients where the derived ones are numerically poor or PyTorch's convention differs: one
   * expression per operand, of operands, result and upstream gradient.
   */
  readonly gradient?: (
    operands: readonly Scalar[],
    result: Scalar,
    grad: Scalar,
  ) => readonly (Scalar | undefined)[];
  /**
   * As `gradient`, for complex operands; without it, `gradient` of the conjugates, which is right for
   * holomorphic functions.
   */
  readonly complexGradient?: ElementwiseRule["gradient"];
  /** Values that suit the op, for generated samples. Default `[-2, 2)`. */
  readonly domain?: readonly [number, number];
}

type Body = (...operands: Scalar[]) => Scalar;

/** Which arguments an expression reads, in order. */
function argumentsOf(e: Scalar): number[] {
  const found = new Set<number>();
  for (const node of nodesOf(e)) if (node.op === "arg") found.add(node.position);
  return [...found].sort((a, b) => a - b);
}

function replaceNode(e: Scalar, target: Scalar, replacement: Scalar): Scalar {
  // Rebuilding changes identities, so the target is compared by the node it was built from.
  const done = new Map<Scalar, Scalar>([[target, replacement]]);
  const go = (node: Scalar): Scalar => {
    const known = done.get(node);
    if (known !== undefined) return known;
    let next: Scalar = node;
    if ("condition" in node) {
      next = { ...node, condition: go(node.condition), x: go(node.x), y: go(node.y) };
    } else if ("y" in node) next = { ...node, x: go(node.x), y: go(node.y) };
    else if ("x" in node) next = { ...node, x: go(node.x) };
    done.set(node, next);
    return next;
  };
  return go(e);
}

/** A gradient: an operation on some of the operands, the result and the upstream gradient. */
interface GradientPart {
  /** Positions: operands, then the result (= arity), then the gradient (= arity + 1). */
  readonly reads: readonly number[];
  /** `undefined` where the gradient is the upstream one as it is. */
  readonly operation: Operation | undefined;
}

type CustomGradient =
  | ((result: Scalar, grad: Scalar) => readonly (Scalar | undefined)[])
  | undefined;

/** The operation of an expression whose arguments have known dtypes. */
export function scalarOperation(
  name: string,
  expression: Scalar,
  arity: number,
  custom?: CustomGradient,
): Operation {
  const parts: GradientPart[] = [];

  function gradientPart(position: number): GradientPart {
    let part = parts[position];
    if (part !== undefined) return part;
    const result = leaf("arg", arity, expression.dtype);
    const upstream = leaf("arg", arity + 1, expression.dtype);
    let derived: Scalar | undefined;
    if (custom === undefined) {
      const all = pullback(expression, upstream, (node) =>
        node.op === "arg" && node.position < arity ? node.position : undefined,
      );
      const found = all.get(position);
      derived = found && replaceNode(found, expression, result);
    } else derived = custom(result, upstream)[position];
    if (derived === undefined) {
      const own = [...nodesOf(expression)].find((n) => n.op === "arg" && n.position === position);
      derived = constant(0, own?.dtype ?? expression.dtype);
    }
    if (derived === upstream) part = { reads: [arity + 1], operation: undefined };
    else {
      // The gradient is read in any case: it gives a constant derivative its shape.
      const reads = [...new Set([...argumentsOf(derived), arity + 1])];
      const renumbered = substitute(derived, "arg", (at) => {
        const dtype = dtypeOfArgument(derived, at);
        return leaf("arg", reads.indexOf(at), dtype);
      });
      part = { reads, operation: scalarOperation(`${name}Gradient`, renumbered, reads.length) };
    }
    parts[position] = part;
    return part;
  }

  return {
    name,
    traits: { broadcasts: true },
    infer: (inputs) => {
      const shapes = inputs.map((input) => input.shape);
      return [{ shape: broadcastShapes(name, ...shapes), dtype: expression.dtype }];
    },
    lower: (inputs, _attributes, [output]): MapKernel => {
      const axes = output!.shape;
      const params: DType[] = [];
      let operand = 0;
      const loads: MapKernel["loads"][number][] = [];
      const leaves = inputs.map((input, position) => {
        if (input.isNumber) {
          params.push(dtypeOfArgument(expression, position) ?? expression.dtype);
          return leaf("param", params.length - 1, params.at(-1)!);
        }
        loads.push(broadcastLoad(operand++, input, axes));
        return leaf("load", loads.length - 1, input.dtype);
      });
      const value = substitute(expression, "arg", (position) => leaves[position]!);
      return { kind: "map", axes, loads, params, stores: [contiguousStore(axes, value)] };
    },
    saves: (needs) => {
      const reads = new Set<number>();
      needs.forEach((needed, i) => {
        if (needed) for (const position of gradientPart(i).reads) reads.add(position);
      });
      return {
        inputs: [...reads].filter((position) => position < arity),
        outputs: reads.has(arity) ? [0] : [],
      };
    },
    ...(isContinuous(expression.dtype) && {
      gradient: (context) => {
        const { needs } = context;
        const grads = new Array<Tensor | undefined>(needs.length);
        for (let i = 0; i < needs.length; i++) {
          grads[i] = needs[i] ? gradientBy(gradientPart(i), arity, context) : undefined;
        }
        return grads;
      },
    }),
    prepared: new PreparedCalls(),
  };
}

function gradientBy(
  { reads, operation }: GradientPart,
  arity: number,
  context: GradientContext<unknown>,
): Tensor {
  const grad = context.grads[0]!;
  if (operation === undefined) return grad;
  const operands = new Array<TensorLike>(reads.length);
  for (let i = 0; i < reads.length; i++) {
    const at = reads[i]!;
    operands[i] = at === arity + 1 ? grad : at === arity ? context.output(0) : context.operand(at);
  }
  return apply(operation, operands, noAttributes)[0]!;
}

function dtypeOfArgument(e: Scalar, position: number): DType {
  for (const node of nodesOf(e))
    if (node.op === "arg" && node.position === position) return node.dtype;
  return e.dtype;
}

function numberDType(name: string, x: Exclude<TensorLike, Tensor>): DType {
  if (typeof x === "number" || typeof x === "bigint" || typeof x === "boolean")
    return dtypeOfNumber(x);
  if (x instanceof HostValue) return "float32";
  if (isComplexNumber(x)) return dtypeOfNumber(x);
  const kind = x === null ? "null" : Array.isArray(x) ? "an array" : typeof x;
  throw new DTypeError(
    `${name}: expected tensors or numbers, got ${kind}. Use tensor(…) for data.`,
  );
}

type Standing = "dimensioned" | "zero-dimensional" | "number";

/** An operation for operands of certain dtypes. */
interface Special {
  readonly operands: readonly { readonly dtype: DType; readonly standing: Standing }[];
  readonly operation: Operation;
}

/** Whether an operation was made for such operands. */
function isFor({ operands }: Special, name: string, inputs: readonly TensorLike[]): boolean {
  if (operands.length !== inputs.length) return false;
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i]!;
    const { dtype, standing } = operands[i]!;
    if (!isTensor(x)) {
      if (standing !== "number" || dtype !== numberDType(name, x)) return false;
    } else if (x.dtype !== dtype || standing !== standingOf(x)) return false;
  }
  return true;
}

const standingOf = ({ layout }: Tensor): Standing =>
  layout.shape.length === 0 ? "zero-dimensional" : "dimensioned";

function specialize(
  name: string,
  body: Body,
  rule: ElementwiseRule,
  inputs: readonly TensorLike[],
): Special {
  const { promotion = "arithmetic", apart = [] } = rule;
  const operands = inputs.map((x) =>
    isTensor(x)
      ? { dtype: x.dtype, standing: standingOf(x) }
      : { dtype: numberDType(name, x), standing: "number" as const },
  );
  let common = resultType(operands.filter((_, i) => !apart.includes(i)));
  if (promotion === "float" && !isContinuous(common)) common = "float32";
  const reason = rule.refuses?.[common];
  if (reason !== undefined) throw new DTypeError(`${name}: ${common} is not accepted. ${reason}`);
  const leaves = operands.map(({ dtype, standing }, i) => {
    const own = promotion === "own" || apart.includes(i);
    return leaf("arg", i, standing === "number" && !own ? common : dtype);
  });
  const converted = leaves.map((x, i) =>
    promotion === "own" || apart.includes(i) ? x : s.cast(x, common),
  );
  const expression = bodyOn(name, body, converted, common);
  const isOnComplex = [...converted, expression].some(({ dtype }) => isComplex(dtype));
  const given = (isOnComplex && rule.complexGradient) || conjugated(rule.gradient, isOnComplex);
  const custom: CustomGradient =
    given &&
    ((result, grad) =>
      given(converted, result, grad).map((g, i) => g && s.cast(g, leaves[i]!.dtype)));
  return { operands, operation: scalarOperation(name, expression, inputs.length, custom) };
}

/** The expression; what complex numbers do not have is an error of the op. */
function bodyOn(name: string, body: Body, operands: readonly Scalar[], common: DType): Scalar {
  try {
    return body(...operands);
  } catch (error) {
    if (!(error instanceof DTypeError) || !isComplex(common)) throw error;
    throw new DTypeError(`${name}: ${common} is not accepted. ${error.message}`, { cause: error });
  }
}

/** Gradients that an op gives itself; of complex operands by those of the conjugates. */
const conjugated = (
  gradient: ElementwiseRule["gradient"],
  isOnComplex: boolean,
): ElementwiseRule["gradient"] =>
  gradient && isOnComplex
    ? (operands, result, grad) => gradient(operands.map(s.conj), s.conj(result), grad)
    : gradient;

/** A complex number as a 0-d tensor, as precise as the tensors beside it. */
function complexTensor(value: ComplexNumber, inputs: readonly TensorLike[]): Tensor {
  const tensors = inputs.filter(isTensor);
  const isWide = tensors.some(({ dtype }) => dtype === "float64" || dtype === "complex128");
  return tensor(value, { dtype: isWide ? "complex128" : "complex64", device: tensors[0]?.device });
}

/** The expression on float32 operands, as text: `max(x, 0)`. */
function formulaOf(body: Body, arity: number): string {
  const operands = Array.from({ length: arity }, (_, i) => leaf("arg", i, "float32"));
  try {
    return showScalar(body(...operands)).replace(
      /arg(\d+)/g,
      (_, i) => "xyzw"[Number(i)] ?? `x${i}`,
    );
  } catch (error) {
    // Ops on bits have no meaning on floats.
    if (!(error instanceof DTypeError)) throw error;
    return "";
  }
}

/** The public function of an elementwise op of any arity. */
export function elementwise<F extends (...inputs: never[]) => Tensor>(
  name: string,
  body: Body,
  rule: ElementwiseRule = {},
): Op<F> {
  /** The one that was used last comes first. */
  const known: Special[] = [];
  const call = (...inputs: TensorLike[]): Tensor => {
    for (let i = 0; i < known.length; i++) {
      const special = known[i]!;
      if (!isFor(special, name, inputs)) continue;
      for (let at = i; at > 0; at--) known[at] = known[at - 1]!;
      known[0] = special;
      return apply(special.operation, inputs, noAttributes)[0]!;
    }
    if (inputs.some(isComplexNumber)) {
      return call(...inputs.map((x) => (isComplexNumber(x) ? complexTensor(x, inputs) : x)));
    }
    const special = specialize(name, body, rule, inputs);
    known.unshift(special);
    return apply(special.operation, inputs, noAttributes)[0]!;
  };
  const arity = body.length;
  const [low, high] = rule.domain ?? [-2, 2];
  return attach(call as unknown as F, {
    kind: "elementwise",
    name,
    isDifferentiable: true,
    formula: () => formulaOf(body, arity),
    ...rule,
    samples: rule.samples ?? [
      (make) => Array.from({ length: arity }, () => make([2, 3], low, high)),
    ],
  });
}

/** An elementwise op of one tensor. */
export const unary = (
  name: string,
  body: (x: Scalar) => Scalar,
  rule?: ElementwiseRule,
): Op<(x: Tensor) => Tensor> => elementwise(name, (x) => body(x!), rule);

/** An elementwise op of two tensors, or a tensor and a number, either way round. */
export const binary = (
  name: string,
  body: (x: Scalar, y: Scalar) => Scalar,
  rule: ElementwiseRule = {},
): Op<(x: TensorLike, y: TensorLike) => Tensor> => {
  const [low, high] = rule.domain ?? [-2, 2];
  return elementwise(name, (x, y) => body(x!, y!), {
    samples: [
      (make) => [make([2, 3], low, high), make([2, 3], low, high)],
      (make) => [make([2, 3], low, high), make([3], low, high)],
      (make) => [make([2, 1], low, high), make([1, 3], low, high)],
      (make) => [make([], low, high), make([2], low, high)],
      (make) => [make([2, 3], low, high), (low + high) / 2 + 0.5],
      (make) => [make([0, 3], low, high), make([3], low, high)],
    ],
    ...rule,
  });
};

/** An elementwise op of three operands, any of which may be a number. */
export const ternary = (
  name: string,
  body: (x: Scalar, y: Scalar, z: Scalar) => Scalar,
  rule?: ElementwiseRule,
): Op<(x: TensorLike, y: TensorLike, z: TensorLike) => Tensor> =>
  elementwise(name, (x, y, z) => body(x!, y!, z!), rule);
