// Elementwise functions and activations of PyTorch in Flambeau. Assembled in golden-adapter.ts.
import * as f from "@flambeau/core";
import type { Tensor } from "@flambeau/core";
import { type Entry, NotYet, fn, one, two } from "./golden-call.ts";

const scaled = (x: f.TensorLike, alpha: number): f.TensorLike =>
  alpha === 1 ? x : f.mul(x, alpha);

/** PyTorch divides as asked for: `None`, `"floor"` or `"trunc"`. */
function divide(x: f.TensorLike, y: f.TensorLike, rounding?: "floor" | "trunc"): Tensor {
  if (rounding === "floor") return f.floorDivide(x, y);
  if (rounding === undefined) return f.div(x, y);
  throw new NotYet("torch.div(rounding_mode=trunc)");
}

export const elementwise: Readonly<Record<string, Entry>> = {
  "torch.abs": one(f.abs),
  "torch.neg": one(f.neg),
  "torch.exp": one(f.exp),
  "torch.exp2": one(f.exp2),
  "torch.special.exp2": one(f.exp2),
  "torch.expm1": one(f.expm1),
  "torch.log": one(f.log),
  "torch.log2": one(f.log2),
  "torch.log10": one(f.log10),
  "torch.log1p": one(f.log1p),
  "torch.special.log1p": one(f.log1p),
  "torch.sqrt": one(f.sqrt),
  "torch.rsqrt": one(f.rsqrt),
  "torch.reciprocal": one(f.reciprocal),
  "torch.square": one(f.square),
  "torch.sin": one(f.sin),
  "torch.cos": one(f.cos),
  "torch.tan": one(f.tan),
  "torch.asin": one(f.asin),
  "torch.acos": one(f.acos),
  "torch.atan": one(f.atan),
  "torch.sinh": one(f.sinh),
  "torch.cosh": one(f.cosh),
  "torch.tanh": one(f.tanh),
  "torch.asinh": one(f.asinh),
  "torch.acosh": one(f.acosh),
  "torch.atanh": one(f.atanh),
  "torch.sigmoid": one(f.sigmoid),
  "torch.erf": one(f.erf),
  "torch.floor": one(f.floor),
  "torch.ceil": one(f.ceil),
  "torch.round": one(f.round),
  "torch.trunc": one(f.trunc),
  "torch.frac": one(f.frac),
  "torch.sign": one(f.sign),
  "torch.isnan": one(f.isnan),
  "torch.isfinite": one(f.isfinite),
  "torch.isinf": one(f.isinf),
  "torch.bitwise_not": one(f.bitwiseNot),
  "torch.logical_not": one(f.logicalNot),
  "torch.add": {
    ...fn("input other alpha", (x: Tensor, y: f.TensorLike, alpha = 1) =>
      f.add(x, scaled(y, alpha)),
    ),
    promotes: true,
  },
  "torch.sub": {
    ...fn("input other alpha", (x: Tensor, y: f.TensorLike, alpha = 1) =>
      f.sub(x, scaled(y, alpha)),
    ),
    promotes: true,
  },
  "torch.mul": two(f.mul),
  "torch.div": { ...fn("input other rounding_mode", divide), promotes: true },
  "torch.maximum": two(f.maximum),
  "torch.minimum": two(f.minimum),
  "torch.atan2": two(f.atan2),
  "torch.hypot": two(f.hypot),
  "torch.fmod": two(f.fmod),
  "torch.floor_divide": two(f.floorDivide),
  "torch.remainder": two(f.remainder),
  "torch.pow": two(f.pow),
  "torch.bitwise_and": two(f.bitwiseAnd),
  "torch.bitwise_or": two(f.bitwiseOr),
  "torch.bitwise_xor": two(f.bitwiseXor),
  "torch.eq": two(f.eq),
  "torch.ne": two(f.ne),
  "torch.lt": two(f.lt),
  "torch.le": two(f.le),
  "torch.gt": two(f.gt),
  "torch.ge": two(f.ge),
  "torch.logical_and": two(f.logicalAnd),
  "torch.logical_or": two(f.logicalOr),
  "torch.logical_xor": two(f.logicalXor),
  "torch.clamp": fn("input min max", (x: Tensor, min?: f.TensorLike, max?: f.TensorLike) =>
    f.clamp(x, { min, max }),
  ),
  "torch.clip": fn("input min max", (x: Tensor, min?: f.TensorLike, max?: f.TensorLike) =>
    f.clamp(x, { min, max }),
  ),
  "torch.clamp_max": fn("input max", (x: Tensor, max: number) => f.clamp(x, { max })),
  "torch.where": fn("condition input other", f.where),
  "torch.masked_fill": fn("input mask value", f.maskedFill),
};

const rows = (call: typeof f.softmax): Entry =>
  fn("input dim _stacklevel dtype", (x: Tensor, axis: number, _: unknown, dtype?: f.DType) =>
    call(x, axis, { dtype }),
  );

export const activations: Readonly<Record<string, Entry>> = {
  "F.relu": one(f.relu),
  "F.relu6": one(f.relu6),
  "F.leaky_relu": fn("input negative_slope", f.leakyRelu),
  "F.elu": fn("input alpha", f.elu),
  "F.selu": one(f.selu),
  "F.gelu": fn("input approximate", (x: Tensor, approximate?: "none" | "tanh") =>
    f.gelu(x, { approximate }),
  ),
  "F.silu": one(f.silu),
  "F.mish": one(f.mish),
  "F.softplus": fn("input beta threshold", (x: Tensor, beta?: number, threshold?: number) =>
    f.softplus(x, { beta, threshold }),
  ),
  "F.softsign": one(f.softsign),
  "F.hardtanh": fn("input min_val max_val", f.hardtanh),
  "F.hardsigmoid": one(f.hardsigmoid),
  "F.hardswish": one(f.hardswish),
  "F.logsigmoid": one(f.logSigmoid),
  "F.sigmoid": one(f.sigmoid),
  "F.tanh": one(f.tanh),
  "F.softmax": rows(f.softmax),
  "F.log_softmax": rows(f.logSoftmax),
  "F.softmin": rows(f.softmin),
};
