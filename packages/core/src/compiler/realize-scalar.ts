// Expressions of any dtype become expressions of the dtypes that backends compute in: halves in
// float32, narrow integers in int32, unsigned ones in int64, complex numbers in pairs. Loops around
// them are rewritten by realize.ts.
import { type DType, isComplex, isContinuous, isHalf, realDType, valueDType } from "../dtype.ts";
import { type Parts, complexTable, complexTruth } from "../scalar/complex.ts";
import { decodedHalf, encodedHalf, roundedHalf } from "../scalar/half.ts";
import { type Scalar, constant, nodesOf, s } from "../scalar/instruction.ts";
import { floatToUnsigned, unsignedTable, unsignedToFloat } from "../scalar/unsigned.ts";

/** A leaf of a kernel's expression, of the dtype that it had, as parts of other dtypes. */
export type RealizeLeaf = (node: Scalar & { readonly position: number }) => Parts;

const isLeaf = (node: Scalar): node is Scalar & { readonly position: number } => "position" in node;

/** What an integer in wide registers is once it was stored in its own bits. */
export function wrapped(x: Scalar, dtype: DType): Scalar {
  switch (dtype) {
    case "int8":
      return s.shr(s.shl(x, 24), 24);
    case "int16":
      return s.shr(s.shl(x, 16), 16);
    case "uint16":
      return s.bitAnd(x, 0xffff);
    case "uint32":
      return s.bitAnd(x, 0xffffffff);
    default:
      return x;
  }
}

/** Instructions whose results may need more bits than their operands. */
const overflowing = new Set<string>(["neg", "abs", "bitNot", "add", "sub", "mul", "div", "pow", "shl"]); // prettier-ignore
const shifts = new Set<string>(["shl", "shr", "shrU"]);

/** One part converted between real dtypes. */
function convertReal(x: Scalar, from: DType, to: DType): Scalar {
  if (isHalf(to)) return roundedHalf(convertReal(x, from, "float32"), to);
  const value = valueDType(to);
  if (from === "uint64" && isContinuous(to)) {
    return unsignedToFloat(x, value as "float32" | "float64");
  }
  if (to === "uint64" && isContinuous(from)) return floatToUnsigned(x);
  return wrapped(s.cast(x, value), to);
}

function convertParts(x: Parts, from: DType, to: DType): Parts {
  const real = realDType(from);
  if (isComplex(to)) {
    const part = realDType(to);
    return { re: convertReal(x.re, real, part), im: x.im && convertReal(x.im, real, part) };
  }
  if (to === "bool" && isComplex(from)) return { re: complexTruth(x) };
  return { re: convertReal(x.re, real, to) };
}

/** An instruction on operands of `dtype`, as one on their parts. */
function realizeInstruction(
  node: Scalar & { readonly x: Scalar },
  dtype: DType,
  x: Parts,
  y: Parts,
): Parts {
  const { op } = node;
  if (isComplex(dtype)) return complexTable[op as keyof typeof complexTable](x, y);
  const unsigned = dtype === "uint64" ? unsignedTable[op] : undefined;
  if (unsigned !== undefined) return { re: unsigned(x.re, y.re) };
  const result = valueDType(node.dtype);
  if (!("y" in node)) {
    return { re: wrapped({ ...node, dtype: result, x: x.re } as Scalar, node.dtype) };
  }
  let [left, right] = [x.re, y.re];
  // A shift counts modulo the width of the dtype; logical ones see its bits and no sign.
  if (dtype === "uint32" && shifts.has(op)) right = s.bitAnd(right, 31);
  if (op === "shrU" && dtype === "int8") left = s.bitAnd(left, 0xff);
  if (op === "shrU" && dtype === "int16") left = s.bitAnd(left, 0xffff);
  const value = { ...node, dtype: result, x: left, y: right } as Scalar;
  const narrows = overflowing.has(op) || op === "shrU";
  return { re: narrows ? wrapped(value, node.dtype) : value };
}

/** Rewrites the expressions of one kernel; equal nodes become equal parts. */
export class ScalarRealizer {
  readonly #done = new Map<Scalar, Parts>();
  readonly #leaf: RealizeLeaf;

  constructor(leaf: RealizeLeaf) {
    this.#leaf = leaf;
  }

  parts(e: Scalar): Parts {
    for (const node of nodesOf(e)) {
      if (!this.#done.has(node)) this.#done.set(node, this.#realize(node));
    }
    return this.#done.get(e)!;
  }

  /** The one part of a real expression. */
  real(e: Scalar): Scalar {
    return this.parts(e).re;
  }

  #of(e: Scalar): Parts {
    return this.#done.get(e)!;
  }

  #realize(node: Scalar): Parts {
    if (isLeaf(node)) return this.#leaf(node);
    switch (node.op) {
      case "const":
        return { re: constant(node.value as number, valueDType(node.dtype)) };
      case "cast":
        return convertParts(this.#of(node.x), node.x.dtype, node.dtype);
      case "bitcast":
        return { re: s.bitcast(this.#of(node.x).re, valueDType(node.dtype)) };
      case "real":
        return { re: this.#of(node.x).re };
      case "imag":
        return { re: this.#of(node.x).im ?? constant(0, node.dtype) };
      case "complex":
        return this.#join(node.x, node.y);
      case "select":
        return this.#select(node);
      default: {
        const operand = node as Scalar & { readonly x: Scalar; readonly y?: Scalar };
        const x = this.#of(operand.x);
        const y = operand.y === undefined ? x : this.#of(operand.y);
        return realizeInstruction(operand, operand.x.dtype, x, y);
      }
    }
  }

  #join(x: Scalar, y: Scalar): Parts {
    const part = valueDType(x.dtype);
    const im = this.#of(y).re;
    return { re: s.cast(this.#of(x).re, part), im: s.cast(im, part) };
  }

  #select(node: Scalar & { readonly op: "select" }): Parts {
    const [condition, x, y] = [this.#of(node.condition), this.#of(node.x), this.#of(node.y)];
    const holds = isComplex(node.condition.dtype) ? complexTruth(condition) : condition.re;
    const re = s.select(holds, x.re, y.re);
    if (x.im === undefined && y.im === undefined) return { re };
    const zero = constant(0, re.dtype);
    return { re, im: s.select(holds, x.im ?? zero, y.im ?? zero) };
  }
}

/** What memory holds, from what registers hold: one part. */
export function toWord(value: Scalar, dtype: DType): Scalar {
  if (isHalf(dtype)) return encodedHalf(value, dtype);
  return dtype === "uint32" ? s.cast(value, "int32") : value;
}

/** What registers hold, from what memory holds: one part. */
export function fromWord(word: Scalar, dtype: DType): Scalar {
  if (isHalf(dtype)) return decodedHalf(word, dtype);
  return dtype === "uint32" ? wrapped(s.cast(word, "int64"), dtype) : word;
}
