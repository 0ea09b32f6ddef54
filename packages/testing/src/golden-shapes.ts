// Views, indexing, creation and conversion of PyTorch in Flambeau. Assembled in golden-adapter.ts.
import * as f from "@flambeau/core";
import type { DType, Tensor } from "@flambeau/core";
import { isFloat } from "@flambeau/core/extension";
import { type Entry, NotYet, fn, indexFn, one } from "./golden-call.ts";

export const shapes: Readonly<Record<string, Entry>> = {
  "torch.reshape": fn("input shape", f.reshape),
  "Tensor.view": fn("input *shape", f.reshape),
  "Tensor.view_as": fn("input other", (x: Tensor, other: Tensor) => f.reshape(x, other.shape)),
  "torch.permute": fn("input dims", f.permute),
  "torch.transpose": fn("input dim0 dim1", f.transpose),
  "torch.t": one(f.t),
  "torch.flatten": fn("input start_dim end_dim", f.flatten),
  "torch.squeeze": fn("input dim", f.squeeze),
  "torch.unsqueeze": fn("input dim", f.unsqueeze),
  "Tensor.expand": fn("input *sizes", f.expand),
  "torch.broadcast_to": fn("input shape", f.expand),
  "torch.flip": fn("input dims", f.flip),
  "torch.ravel": one((x: Tensor) => f.reshape(x, [-1])),
  "F.pad": fn(
    "input pad mode value",
    (x: Tensor, pad: number[], mode = "constant", value?: number) => {
      if (mode !== "constant") throw new NotYet(`F.pad(mode=${mode})`);
      return f.pad(x, pad, { value });
    },
  ),
  "torch.cat": fn("tensors dim", f.concat),
  "torch.stack": fn("tensors dim", f.stack),
  "torch.split": fn("input split_size_or_sections dim", f.split),
  "torch.chunk": fn("input chunks dim", f.chunk),
  "torch.unbind": fn("input dim", f.unbind),
};

export const indexing: Readonly<Record<string, Entry>> = {
  index: fn("input index", (x: Tensor, index: (f.IndexItem | undefined)[]) => {
    const isMask = (item: unknown) => f.isTensor(item) && item.dtype === "bool";
    if (index.some(isMask)) throw new NotYet("index by a mask");
    return f.at(x, ...index.map((item) => item ?? null));
  }),
  "torch.gather": fn("input dim index", f.gather),
  "torch.take_along_dim": fn("input indices dim", f.takeAlongAxis),
  "torch.nonzero": indexFn("input as_tuple", (x: Tensor, asTuple = false) =>
    asTuple ? f.unbind(f.nonzero(x), 1) : f.nonzero(x),
  ),
  "torch.masked_select": fn("input mask", f.maskedSelect),
  "torch.index_select": fn("input dim index", f.indexSelect),
  "torch.scatter": fn("input dim index src", f.scatter),
  "torch.scatter_add": fn("input dim index src", f.scatterAdd),
  "torch.index_add": fn(
    "input dim index source alpha",
    (x: Tensor, axis: number, index: Tensor, source: Tensor, alpha?: number) =>
      f.indexAdd(x, axis, index, source, { alpha }),
  ),
  "F.one_hot": fn("tensor num_classes", f.oneHot),
  "F.embedding": fn(
    "input weight padding_idx",
    (index: Tensor, weight: Tensor, paddingIndex?: number) =>
      f.embedding(weight, index, { paddingIndex }),
  ),
};

export const creation: Readonly<Record<string, Entry>> = {
  "torch.arange": fn(
    "start end step dtype",
    (start: number, end?: number, step?: number, dtype?: DType) =>
      f.arange(start, end, { step, dtype }),
  ),
  "torch.linspace": fn("start end steps", f.linspace),
  "torch.eye": fn("n m", f.eye),
  "torch.zeros": fn("*size", (size: number[]) => f.zeros(size)),
  // An integral number of JavaScript may be meant as a float; Python knows.
  "torch.full": fn("size fill_value dtype", (size: number[], value: number, dtype?: DType) =>
    f.full(size, value, { dtype: dtype ?? (Number.isInteger(value) ? "int64" : undefined) }),
  ),
  "Tensor.new_zeros": fn("input size", (x: Tensor, size: number[]) =>
    f.zeros(size, { dtype: x.dtype }),
  ),
  "Tensor.new_full": fn("input size fill_value", (x: Tensor, size: number[], value: number) =>
    f.full(size, value, { dtype: x.dtype }),
  ),
  "torch.zeros_like": fn("input dtype", (x: Tensor, dtype = x.dtype) => f.zerosLike(x, { dtype })),
  "torch.ones_like": fn("input dtype", (x: Tensor, dtype = x.dtype) => f.onesLike(x, { dtype })),
  "torch.full_like": fn("input value", (x: Tensor, value: number) => f.fullLike(x, value)),
};

export const casts: Readonly<Record<string, Entry>> = {
  "Tensor.to": fn("input dtype", (x: Tensor, dtype: DType) => x.to(dtype)),
  "Tensor.float": one((x: Tensor) => x.to("float32")),
  "Tensor.half": one((x: Tensor) => x.to("float16")),
  "Tensor.long": one((x: Tensor) => x.to("int64")),
  "Tensor.detach": one((x: Tensor) => x.detach()),
  "torch.clone": one(f.clone),
  "Tensor.item": one((x: Tensor) => {
    // Beyond 2^53 item() throws; PyTorch's integers are exact.
    if (x.dtype === "int64") return x.dataSync()[0];
    const value = x.itemSync();
    return x.dtype === "bool" ? value === 1 : value;
  }),
  "Tensor.tolist": one((x: Tensor) => x.toArray()),
  "torch.is_floating_point": one((x: Tensor) => isFloat(x.dtype)),
  "torch.is_tensor": one(f.isTensor),
};
