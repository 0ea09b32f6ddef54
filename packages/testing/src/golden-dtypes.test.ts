// PyTorch's own tables of dtype promotion and of result dtypes, for the dtypes that exist here.
import * as f from "@flambeau/core";
import { type DType, type PromotionOperand, isComplex, isDType, promoteTypes, resultType } from "@flambeau/core/extension"; // prettier-ignore
import { beforeAll, describe, expect, it } from "vitest";
import { goldenJson } from "./golden-data.ts";

type Row = { readonly [dtype: string]: string };
type Table = { readonly [dtype: string]: Row };

const tables = goldenJson("dtype_tables") as {
  readonly promote_types: Table;
  readonly dim_with_0dim: Table;
  readonly "0dim_with_0dim": Table;
  readonly tensor_with_python: Table;
  readonly binary: { readonly [name: string]: Table };
  readonly unary: { readonly [name: string]: Row };
  readonly reduce: { readonly [name: string]: Row };
};

beforeAll(() => void f.setDefaultDevice("reference"));

/** The rows of a table, for dtypes of Flambeau. */
function* rowsOf(table: Table): Generator<[DType, DType, string]> {
  for (const [a, row] of Object.entries(table)) {
    for (const [b, result] of Object.entries(row)) {
      // complex32 is no dtype of Flambeau: complex64 takes its place.
      if (isDType(a) && isDType(b)) yield [a, b, result === "complex32" ? "complex64" : result];
    }
  }
}

const operand = (dtype: DType, standing: PromotionOperand["standing"]): PromotionOperand => ({
  dtype,
  standing,
});

describe("promotion", () => {
  it("promote_types", () => {
    for (const [a, b, expected] of rowsOf(tables.promote_types)) {
      expect(promoteTypes(a, b), `${a}, ${b}`).toBe(expected);
    }
  });

  it("a tensor with a 0-d tensor", () => {
    for (const [a, b, expected] of rowsOf(tables.dim_with_0dim)) {
      const result = resultType([operand(a, "dimensioned"), operand(b, "zero-dimensional")]);
      expect(result, `${a}, ${b}`).toBe(expected);
    }
  });

  it("two 0-d tensors", () => {
    for (const [a, b, expected] of rowsOf(tables["0dim_with_0dim"])) {
      const result = resultType([operand(a, "zero-dimensional"), operand(b, "zero-dimensional")]);
      expect(result, `${a}, ${b}`).toBe(expected);
    }
  });

  it("a tensor with a number", () => {
    const kinds = { bool: "bool", int: "int64", float: "float32", complex: "complex64" } as const;
    for (const [dtype, row] of Object.entries(tables.tensor_with_python)) {
      if (!isDType(dtype)) continue;
      for (const [kind, number] of Object.entries(kinds)) {
        const result = resultType([operand(dtype, "dimensioned"), operand(number, "number")]);
        expect(result, `${dtype}, ${kind}`).toBe(
          row[kind] === "complex32" ? "complex64" : row[kind],
        );
      }
    }
  });
});

const one = (dtype: DType): f.Tensor => f.ones([2], { dtype });

/** The dtype of a result, or PyTorch's word for a refusal. */
function dtypeOf(call: () => f.Tensor): string {
  try {
    return call().dtype;
  } catch (error) {
    if (error instanceof f.FlambeauError) return "ERROR";
    throw error;
  }
}

type Pair = (x: f.Tensor, y: f.Tensor) => f.Tensor;

const pairs: { readonly [name: string]: Pair } = {
  add: f.add,
  sub: f.sub,
  mul: f.mul,
  div: f.div,
  floor_divide: f.floorDivide,
  remainder: f.remainder,
  fmod: f.fmod,
  pow: f.pow,
  maximum: f.maximum,
  minimum: f.minimum,
  atan2: f.atan2,
  bitwise_and: f.bitwiseAnd,
  bitwise_or: f.bitwiseOr,
  bitwise_xor: f.bitwiseXor,
  logical_and: f.logicalAnd,
  logical_or: f.logicalOr,
  eq: f.eq,
  lt: f.lt,
  hypot: f.hypot,
  true_divide: f.div,
  fmax: f.fmax,
  float_power: f.floatPower,
  copysign: f.copysign,
  logaddexp: f.logaddexp,
};

type Single = (x: f.Tensor) => f.Tensor;

/** PyTorch's names that are not ours. */
const singles: { readonly [name: string]: Single } = {
  ...(f as unknown as { readonly [name: string]: Single }),
  bitwise_not: f.bitwiseNot,
  logical_not: f.logicalNot,
};

const reductions: { readonly [name: string]: (x: f.Tensor) => f.Tensor } = {
  sum: f.sum,
  prod: f.prod,
  mean: f.mean,
  var: f.variance,
  std: f.std,
  amax: f.amax,
  amin: f.amin,
  all: f.all,
  any: f.any,
  count_nonzero: f.countNonzero,
  median: f.median,
  logsumexp_0: (x) => f.logsumexp(x, 0),
  softmax_0: (x) => f.softmax(x, 0),
  cumsum_0: (x) => f.cumsum(x, 0),
  cumprod_0: (x) => f.cumprod(x, 0),
  logcumsumexp_0: (x) => f.logcumsumexp(x, 0),
  quantile_h: (x) => f.quantile(x, 0.5),
  max: f.max,
  nansum: f.nansum,
  norm: f.norm,
  sort: (x) => f.sort(x).values,
  topk_1: (x) => f.topk(x, 1).values,
  unique: (x) => f.unique(x).values,
  cummax_0: (x) => f.cummax(x, 0).values,
  mode: (x) => f.mode(x).values,
};

/**
 * Where Flambeau differs on purpose: bool is the answer of `all` and `any` for uint8 too; no log of sums
 * of complex exponentials; quantiles of 16-bit floats and the greatest of bools are fine.
 */
const differs = new Set([
  "all uint8",
  "any uint8",
  "logsumexp_0 complex64",
  "logsumexp_0 complex128",
  "logcumsumexp_0 complex64",
  "logcumsumexp_0 complex128",
  "quantile_h float16",
  "quantile_h bfloat16",
  "topk_1 bool",
]);

/** PyTorch refuses to subtract where one operand is bool; here both must be. */
const acceptsMore = (name: string, a: DType, b: DType): boolean =>
  name === "sub" && (a === "bool") !== (b === "bool");

const notHere: string[] = [];

function compareSingles(
  table: { readonly [name: string]: Row },
  calls: { readonly [name: string]: (x: f.Tensor) => f.Tensor },
): string[] {
  const wrong: string[] = [];
  for (const [name, row] of Object.entries(table)) {
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (call === undefined) {
      notHere.push(name);
      continue;
    }
    for (const [dtype, expected] of Object.entries(row)) {
      if (!isDType(dtype) || expected === "UNSUPPORTED" || differs.has(`${name} ${dtype}`))
        continue;
      const result = dtypeOf(() => call(one(dtype)));
      if (result !== expected) wrong.push(`${name}(${dtype}) is ${result}, expected ${expected}`);
    }
  }
  return wrong;
}

describe("result dtypes", () => {
  it("binary", () => {
    const wrong: string[] = [];
    for (const [name, table] of Object.entries(tables.binary)) {
      const call = pairs[name];
      if (call === undefined) {
        notHere.push(name);
        continue;
      }
      for (const [a, b, expected] of rowsOf(table)) {
        if (expected === "UNSUPPORTED" || acceptsMore(name, a, b)) continue;
        // No log of sums of complex exponentials.
        if (name === "logaddexp" && (isComplex(a) || isComplex(b))) continue;
        const result = dtypeOf(() => call(one(a), one(b)));
        if (result !== expected)
          wrong.push(`${name}(${a}, ${b}) is ${result}, expected ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("unary", () => expect(compareSingles(tables.unary, singles)).toEqual([]));

  it("reductions", () => {
    expect(compareSingles(tables.reduce, reductions)).toEqual([]);
    console.log(`dtype tables, not yet: ${notHere.join(", ")}`);
  });
});
