// Writing by index, rearranging, products and norms of PyTorch in Flambeau. Assembled in
// golden-adapter.ts.
import * as f from "@flambeau/core";
import type { DType, Tensor } from "@flambeau/core";
import { type Entry, NotYet, fn, indexFn, one } from "./golden-call.ts";

type Axes = number | readonly number[];
type Reduce = "sum" | "prod" | "mean" | "amax" | "amin";

const isMask = (item: unknown): boolean =>
  f.isTensor(item) && item.dtype === "bool" && item.ndim === 0;

function plain(index: readonly (f.IndexItem | undefined)[]): f.IndexItem[] {
  if (index.some(isMask)) throw new NotYet("index by a 0-d mask");
  return index.map((item) => item ?? null);
}

const reductionsOfScatter: { readonly [name: string]: Reduce } = { add: "sum", multiply: "prod" };

export const writing: Readonly<Record<string, Entry>> = {
  index: fn("input index", (x: Tensor, index: f.IndexItem[]) => f.at(x, ...plain(index))),
  index_put: fn(
    "input indices values accumulate",
    (x: Tensor, index: f.IndexItem[], value: Tensor | number, accumulate?: boolean) =>
      f.set(x, plain(index), value, { accumulate }),
  ),
  "torch.take": fn("input index", f.take),
  "Tensor.put": fn(
    "input index source accumulate",
    (x: Tensor, index: Tensor, source: Tensor, accumulate?: boolean) =>
      f.put(x, index, source, { accumulate }),
  ),
  "torch.masked_scatter": fn("input mask source", f.maskedScatter),
  "torch.scatter": fn(
    "input dim index src reduce",
    (x: Tensor, axis: number, index: Tensor, source: Tensor | number, reduce?: string) => {
      if (reduce === undefined) return f.scatter(x, axis, index, source);
      const values = f.isTensor(source)
        ? source
        : f.full(index.shape, source, { dtype: x.dtype, device: x.device });
      return f.scatterReduce(x, axis, index, values, { reduce: reductionsOfScatter[reduce]! });
    },
  ),
  "torch.scatter_reduce": fn(
    "input dim index src reduce include_self",
    (
      x: Tensor,
      axis: number,
      index: Tensor,
      source: Tensor,
      reduce: Reduce,
      includeSelf?: boolean,
    ) => f.scatterReduce(x, axis, index, source, { reduce, includeSelf }),
  ),
  "torch.index_copy": fn("input dim index source", f.indexCopy),
  "torch.index_fill": fn("input dim index value", f.indexFill),
  "torch.select_scatter": fn("input src dim index", f.selectScatter),
  "torch.slice_scatter": fn(
    "input src dim start end step",
    (x: Tensor, source: Tensor, axis = 0, start?: number, end?: number, step?: number) =>
      f.sliceScatter(x, source, axis, { start, end, step }),
  ),
  "torch.diagonal_scatter": fn(
    "input src offset dim1 dim2",
    (x: Tensor, source: Tensor, offset?: number, axis0?: number, axis1?: number) =>
      f.diagonalScatter(x, source, { offset, axis0, axis1 }),
  ),
  "F.embedding_bag": fn(
    "input weight offsets mode per_sample_weights include_last_offset padding_idx",
    (
      index: Tensor,
      weight: Tensor,
      offsets?: Tensor,
      mode?: "sum" | "mean" | "max",
      perSampleWeights?: Tensor,
      includeLastOffset?: boolean,
      paddingIndex?: number,
    ) =>
      f.embeddingBag(weight, index, offsets, {
        mode,
        perSampleWeights,
        includeLastOffset,
        paddingIndex,
      }),
  ),
};

const list = (call: (tensors: readonly Tensor[]) => Tensor): Entry => fn("tensors", call);

export const rearranging: Readonly<Record<string, Entry>> = {
  "Tensor.view": fn("input *shape", f.view),
  "Tensor.view_as": fn("input other", (x: Tensor, other: Tensor) => f.view(x, other.shape)),
  "torch.movedim": fn("input source destination", f.movedim),
  "torch.unflatten": fn("input dim sizes", f.unflatten),
  "torch.narrow": fn("input dim start length", f.narrow),
  "torch.select": fn("input dim index", f.select),
  "Tensor.repeat": fn("input *sizes", f.repeat),
  "torch.tile": fn("input dims", f.tile),
  "torch.repeat_interleave": fn(
    "input repeats dim",
    (x: Tensor, repeats: number | Tensor, axis?: number) => f.repeatInterleave(x, repeats, axis),
  ),
  "torch.hstack": list(f.hstack),
  "torch.vstack": list(f.vstack),
  "torch.dstack": list(f.dstack),
  "torch.column_stack": list(f.columnStack),
  "torch.tensor_split": fn("input indices_or_sections dim", f.tensorSplit),
  "torch.hsplit": fn("input indices_or_sections", f.hsplit),
  "torch.vsplit": fn("input indices_or_sections", f.vsplit),
  "torch.fliplr": one(f.fliplr),
  "torch.flipud": one(f.flipud),
  "torch.rot90": fn("input k dims", f.rot90),
  "torch.roll": fn("input shifts dims", f.roll),
  "torch.tril": fn("input diagonal", f.tril),
  "torch.triu": fn("input diagonal", f.triu),
  "torch.diag": fn("input diagonal", f.diag),
  "torch.diagonal": fn("input offset dim1 dim2", f.diagonal),
  "torch.diag_embed": fn("input offset dim1 dim2", f.diagEmbed),
  "torch.diagflat": fn("input offset", f.diagflat),
  "torch.meshgrid": {
    ...fn("first second indexing", (x: Tensor, y: Tensor, indexing?: "ij" | "xy") =>
      f.meshgrid([x, y], { indexing }),
    ),
  },
  "torch.combinations": fn("input r with_replacement", (x: Tensor, r?: number, again?: boolean) =>
    f.combinations(x, r, { withReplacement: again }),
  ),
  "torch.block_diag": fn("*tensors", (tensors: Tensor[]) => f.blockDiag(tensors)),
  "torch.atleast_1d": one(f.atleast1d),
  "torch.atleast_2d": one(f.atleast2d),
  "torch.atleast_3d": one(f.atleast3d),
  "Tensor.unfold": fn("input dimension size step", f.unfold),
  "F.unfold": fn(
    "input kernel_size dilation padding stride",
    (x: Tensor, kernel: Axes, dilation?: Axes, padding?: Axes, stride?: Axes) =>
      f.unfoldImage(x, kernel, { dilation, padding, stride }),
  ),
  "F.fold": fn(
    "input output_size kernel_size dilation padding stride",
    (x: Tensor, size: Axes, kernel: Axes, dilation?: Axes, padding?: Axes, stride?: Axes) =>
      f.foldImage(x, size, kernel, { dilation, padding, stride }),
  ),
  "torch.vander": fn("x N increasing", (x: Tensor, columns?: number, increasing?: boolean) =>
    f.vander(x, { columns, increasing }),
  ),
  "torch.triu_indices": indexFn("row col offset", (rows: number, columns: number, offset = 0) =>
    f.triuIndices(rows, columns, { offset }),
  ),
  "torch.tril_indices": indexFn("row col offset", (rows: number, columns: number, offset = 0) =>
    f.trilIndices(rows, columns, { offset }),
  ),
  "torch.logspace": fn("start end steps base", (start: number, end: number, n: number, base = 10) =>
    f.logspace(start, end, n, { base }),
  ),
  "F.pad": fn(
    "input pad mode value",
    (x: Tensor, pad: number[], mode?: f.PadMode, value?: number) => f.pad(x, pad, { mode, value }),
  ),
  "F.pixel_shuffle": fn("input upscale_factor", f.pixelShuffle),
  "F.pixel_unshuffle": fn("input downscale_factor", f.pixelUnshuffle),
  "F.channel_shuffle": fn("input groups", f.channelShuffle),
};

type AddProduct = typeof f.addmm;

const addProduct = (call: AddProduct, names: string): Entry =>
  fn(`${names} beta alpha`, (x: Tensor, a: Tensor, b: Tensor, beta?: number, alpha?: number) =>
    call(x, a, b, { beta, alpha }),
  );

export const algebra: Readonly<Record<string, Entry>> = {
  "torch.vdot": fn("input other", f.vdot),
  "torch.inner": fn("input other", f.inner),
  "torch.outer": fn("input vec2", f.outer),
  "torch.ger": fn("input vec2", f.outer),
  "torch.addmm": addProduct(f.addmm, "input mat1 mat2"),
  "torch.addmv": addProduct(f.addmv, "input mat vec"),
  "torch.addr": addProduct(f.addr, "input vec1 vec2"),
  "torch.addbmm": addProduct(f.addbmm, "input batch1 batch2"),
  "torch.baddbmm": addProduct(f.baddbmm, "input batch1 batch2"),
  "torch.linalg.multi_dot": list(f.multiDot),
  "torch.chain_matmul": fn("*matrices", (tensors: Tensor[]) => f.chainMatmul(tensors)),
  "torch.tensordot": fn("a b dims", f.tensordot),
  "torch.kron": fn("input other", f.kron),
  "torch.cross": fn("input other dim", f.cross),
  "torch.linalg.cross": fn("input other dim", f.cross),
  "torch.trace": one(f.matrixTrace),
  "torch.einsum": fn("equation *operands", (equation: string, operands: Tensor[]) =>
    f.einsum(equation, ...operands),
  ),
  "F.bilinear": fn("input1 input2 weight bias", f.bilinear),
};

const extreme = (
  alone: typeof f.max,
  withIndices: typeof f.maxWithIndices,
  pair: typeof f.maximum,
): Entry =>
  indexFn("input dim keepdim", (x: Tensor, other?: Tensor | number, keepDims?: boolean) => {
    if (other === undefined) return alone(x);
    if (typeof other !== "number") return pair(x, other);
    const { values, indices } = withIndices(x, other, { keepDims });
    return [values, indices];
  });

const as = (x: Tensor, dtype: DType | undefined): Tensor => (dtype === undefined ? x : x.to(dtype));

const reduction = (call: typeof f.nansum): Entry =>
  fn("input dim keepdim dtype", (x: Tensor, axes?: Axes, keepDims?: boolean, dtype?: DType) =>
    call(as(x, dtype), axes, { keepDims }),
  );

export const moments: Readonly<Record<string, Entry>> = {
  "torch.max": extreme(f.max, f.maxWithIndices, f.maximum),
  "torch.min": extreme(f.min, f.minWithIndices, f.minimum),
  "torch.aminmax": fn("input dim keepdim", (x: Tensor, axis?: number, keepDims?: boolean) => {
    const { min, max } = f.aminmax(x, axis, { keepDims });
    return [min, max];
  }),
  "torch.nansum": reduction(f.nansum),
  "torch.nanmean": reduction(f.nanmean),
  "torch.std_mean": fn("input dim", (x: Tensor, axes?: Axes) => {
    const { std, mean } = f.stdMean(x, axes);
    return [std, mean];
  }),
  "torch.var_mean": fn("input dim", (x: Tensor, axes?: Axes) => {
    const { variance, mean } = f.varMean(x, axes);
    return [variance, mean];
  }),
  "torch.cov": fn("input correction", (x: Tensor, correction?: number) => f.cov(x, { correction })),
  "torch.corrcoef": one(f.corrcoef),
  "torch.linalg.vector_norm": fn(
    "input ord dim keepdim",
    (x: Tensor, p?: number, axes?: Axes, keepDims?: boolean) =>
      f.vectorNorm(x, p, axes, { keepDims }),
  ),
  "torch.norm": fn(
    "input p dim keepdim",
    (x: Tensor, p?: "fro" | number, axes?: Axes, keepDims?: boolean) =>
      f.norm(x, p, axes, { keepDims }),
  ),
  "torch.cdist": fn("x1 x2 p", (a: Tensor, b: Tensor, p?: number) => f.cdist(a, b, { p })),
  "torch.pdist": fn("input p", (x: Tensor, p?: number) => f.pdist(x, { p })),
  "torch.renorm": fn("input p dim maxnorm", f.renorm),
  "F.normalize": fn("input p dim eps", (x: Tensor, p?: number, axis?: number, eps?: number) =>
    f.normalize(x, { p, axis, eps }),
  ),
  "F.cosine_similarity": fn("x1 x2 dim eps", (a: Tensor, b: Tensor, axis?: number, eps?: number) =>
    f.cosineSimilarity(a, b, { axis, eps }),
  ),
  "F.pairwise_distance": fn(
    "x1 x2 p eps keepdim",
    (a: Tensor, b: Tensor, p?: number, eps?: number, keepDims?: boolean) =>
      f.pairwiseDistance(a, b, { p, eps, keepDims }),
  ),
};
