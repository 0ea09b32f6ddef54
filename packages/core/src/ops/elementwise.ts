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
import { HostValue, type Operation, type TensorLike } from "../operation.ts";
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
  const parts = new Map<number, GradientPart>();

  function gradientPart(position: number): GradientPart {
    let part = parts.get(position);
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
    parts.set(position, part);
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
      gradient: (context) =>
        context.needs.map((needed, position) => {
          if (!needed) return undefined;
          const grad = context.grads[0]!;
          const { reads, operation } = gradientPart(position);
          if (operation === undefined) return grad;
          const operands = reads.map((at) =>
            at === arity + 1 ? grad : at === arity ? context.output(0) : context.operand(at),
          );
          return apply(operation, operands, {})[0];
        }),
    }),
    prepared: new Map(),
  };
}

function dtypeOfArgument(e: Scalar, position: number): DType {
  for (const node of nodesOf(e))
    if (node.op === "arg" && node.position === position) return node.dtype;
  return e.dtype;
}

const plainKinds = new Set(["number", "bigint", "boolean"]);

function numberDType(name: string, x: Exclude<TensorLike, Tensor>): DType {
  if (x instanceof HostValue) return "float32";
  if (plainKinds.has(typeof x) || isComplexNumber(x)) return dtypeOfNumber(x);
  const kind = x === null ? "null" : Array.isArray(x) ? "an array" : typeof x;
  throw new DTypeError(
    `${name}: expected tensors or numbers, got ${kind}. Use tensor(…) for data.`,
  );
}

/** The operand dtypes' signature: what decides the conversions. */
function signatureOf(name: string, inputs: readonly TensorLike[]): string {
  let signature = "";
  for (const x of inputs) {
    signature += isTensor(x) ? (x.layout.shape.length === 0 ? `${x.dtype}0 ` : `${x.dtype} `) : `${numberDType(name, x)}n `; // prettier-ignore
  }
  return signature;
}

function specialize(
  name: string,
  body: Body,
  rule: ElementwiseRule,
  inputs: readonly TensorLike[],
): Operation {
  const { promotion = "arithmetic", apart = [] } = rule;
  const operands = inputs.map((x) =>
    isTensor(x)
      ? { dtype: x.dtype, standing: x.ndim === 0 ? ("zero-dimensional" as const) : ("dimensioned" as const) } // prettier-ignore
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
  return scalarOperation(name, expression, inputs.length, custom);
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
  const operations = new Map<string, Operation>();
  const call = (...inputs: TensorLike[]): Tensor => {
    const signature = signatureOf(name, inputs);
    if (signature.includes("complex64n")) {
      return call(...inputs.map((x) => (isComplexNumber(x) ? complexTensor(x, inputs) : x)));
    }
    let operation = operations.get(signature);
    if (operation === undefined) {
      operation = specialize(name, body, rule, inputs);
      operations.set(signature, operation);
    }
    return apply(operation, inputs, {})[0]!;
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
