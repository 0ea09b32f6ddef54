// Complex maps whose parts never meet (copies, sums, differences, real factors): the same loops over
// twice as many floats. Neighbours stay neighbours, so that backends move whole vectors.
import { type DType, isComplex, realDType } from "../dtype.ts";
import { type Scalar, leaf, nodesOf, s } from "../scalar/instruction.ts";
import type { Access, LoopKernel, MapKernel } from "./kernel.ts";

const isConstant = (e: Scalar): boolean => e.op === "const";

/** Whether each part of the result comes of the same part of the operands alone. */
function keepsParts(node: Scalar): boolean {
  switch (node.op) {
    case "load":
      return isComplex(node.dtype);
    case "const":
      return true;
    case "cast":
      return isComplex(node.x.dtype) && isComplex(node.dtype);
    case "add":
    case "sub":
      // A constant other than 0 has no imaginary part.
      return [node.x, node.y].every((e) => e.op !== "const" || e.value === 0);
    case "mul":
      return isConstant(node.x) !== isConstant(node.y);
    case "div":
      return isConstant(node.y) && !isConstant(node.x);
    case "neg":
      return !isConstant(node.x);
    default:
      return false;
  }
}

/** Whether neighbours along the last axis are neighbours in memory, and nothing else depends on it. */
function isDense({ strides, guards = [], indirections = [] }: Access): boolean {
  const last = strides.length - 1;
  return (
    strides[last] === 1 &&
    indirections.length === 0 &&
    guards.every(({ coefficients }) => coefficients[last] === 0)
  );
}

/** The expression on one part. */
function onPart(e: Scalar): Scalar {
  const done = new Map<Scalar, Scalar>();
  for (const node of nodesOf(e)) {
    const dtype = realDType(node.dtype);
    let part: Scalar;
    if (node.op === "load") part = leaf("load", node.position, dtype);
    else if (node.op === "const") part = { ...node, dtype };
    else if (node.op === "cast") part = s.cast(done.get(node.x)!, dtype);
    else if ("y" in node) part = { ...node, dtype, x: done.get(node.x)!, y: done.get(node.y)! };
    else part = { ...node, dtype, x: done.get((node as { x: Scalar }).x)! } as Scalar;
    done.set(node, part);
  }
  return done.get(e)!;
}

/** The access with one more axis, over the parts. */
function overParts<A extends Access>(access: A): A {
  const { offset, strides, guards } = access;
  const dtype: DType = realDType(access.dtype);
  return {
    ...access,
    dtype,
    offset: 2 * offset,
    strides: [...strides.map((stride) => 2 * stride), 1],
    ...(guards && {
      guards: guards.map((guard) => ({
        ...guard,
        stride: 2 * guard.stride,
        coefficients: [...guard.coefficients, 0],
      })),
    }),
  };
}

/** A map over parts that means the same, where there is one worth having. */
export function asPairs(kernel: LoopKernel): MapKernel | undefined {
  if (kernel.kind !== "map" || kernel.axes.length === 0 || kernel.params.length > 0)
    return undefined;
  const { axes, loads, stores, initial } = kernel;
  const accesses: readonly Access[] = [...loads, ...stores];
  if (!accesses.every((access) => isComplex(access.dtype) && isDense(access))) return undefined;
  if (
    loads.some(({ fill = 0 }) => fill !== 0) ||
    (initial !== undefined && Number(initial) !== 0)
  ) {
    return undefined;
  }
  const isSimple = stores.every(
    ({ combine = "set", value }) =>
      (combine === "set" || combine === "add") && nodesOf(value).every(keepsParts),
  );
  if (!isSimple || stores.some(({ value }) => isConstant(value))) return undefined;
  return {
    ...kernel,
    axes: [...axes, 2],
    loads: loads.map(overParts),
    stores: stores.map((store) => ({ ...overParts(store), value: onPart(store.value) })),
  };
}
