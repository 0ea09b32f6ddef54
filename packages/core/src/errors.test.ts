// The texts of errors about operands: what was expected, what came, what to do. Those about autograd,
// modes and devices are in errors-of-modes.test.ts.
import { beforeAll, describe, expect, it } from "vitest";
import { messageOf } from "../../testing/src/matchers.ts";
import {
  add,
  amax,
  argmax,
  at,
  bitwiseAnd,
  bmm,
  cast,
  concat,
  conv2d,
  crossEntropy,
  embedding,
  expand,
  flatten,
  full,
  gather,
  linear,
  maskedFill,
  matmul,
  mean,
  mseLoss,
  mul,
  neg,
  ones,
  permute,
  rand,
  reshape,
  setDefaultDevice,
  slice,
  softmax,
  stack,
  sum,
  tensor,
  zeros,
} from "./index.ts";

beforeAll(() => void setDefaultDevice("reference"));

describe("shapes", () => {
  it("broadcast", () => {
    expect(messageOf(() => add(ones([2, 3]), ones([2, 4])))).toMatchInlineSnapshot(
      `"ShapeError: add: shapes [2, 3] and [2, 4] do not broadcast: 3 ≠ 4 at axis -1. Lengths must be equal or 1, aligned at the last axis."`,
    );
  });

  it("matmul", () => {
    expect(messageOf(() => matmul(ones([64, 784]), ones([512, 256])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: inner sizes differ: [64, 784] · [512, 256] (784 ≠ 512). The last axis of the first must equal the second-last of the second."`,
    );
    expect(messageOf(() => matmul(ones([64, 784]), ones([256, 784])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: inner sizes differ: [64, 784] · [256, 784] (784 ≠ 256). Transpose the second operand, or check Linear(in, out)."`,
    );
    expect(messageOf(() => matmul(ones([]), ones([2])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: operands need at least one axis, got [] and [2]. Use mul for scalars."`,
    );
    expect(messageOf(() => matmul(ones([2, 3, 4]), ones([3, 4, 5])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: shapes [2] and [3] do not broadcast: 2 ≠ 3 at axis -1. Lengths must be equal or 1, aligned at the last axis."`,
    );
    expect(messageOf(() => bmm(ones([2, 3]), ones([3, 4])))).toMatchInlineSnapshot(
      `"ShapeError: bmm: expected 3 and 3 axes, got [2, 3] and [3, 4]. matmul takes any ranks."`,
    );
    expect(messageOf(() => linear(ones([2, 3]), ones([3, 4])))).toMatchInlineSnapshot(
      `"ShapeError: linear: the input [2, 3] has 3 features, but the weight [3, 4] takes 4. Check Linear(in, out), or flatten the input."`,
    );
  });

  it("views", () => {
    expect(messageOf(() => reshape(ones([2, 3]), [4, 2]))).toMatchInlineSnapshot(
      `"ShapeError: reshape: [2, 3] has 6 elements and does not fit [4, 2]. Lengths must multiply to 6; one of them may be -1."`,
    );
    expect(messageOf(() => reshape(ones([2, 3]), [4, -1]))).toMatchInlineSnapshot(
      `"ShapeError: reshape: [2, 3] has 6 elements and does not fit [4, -1]. Lengths must multiply to 6; one of them may be -1."`,
    );
    expect(messageOf(() => expand(ones([2, 3]), [2, 6]))).toMatchInlineSnapshot(
      `"ShapeError: expand: [2, 3] does not expand to [2, 6]. Only axes of length 1 repeat, aligned at the last axis; new axes come first."`,
    );
    expect(messageOf(() => permute(ones([2, 3]), [0, 0]))).toMatchInlineSnapshot(
      `"ShapeError: permute: expected each of the 2 axes of shape [2, 3] once, got [0, 0]."`,
    );
  });

  it("joining", () => {
    expect(messageOf(() => concat([ones([2, 3]), ones([2, 4])]))).toMatchInlineSnapshot(
      `"ShapeError: concat: shapes [2, 3] and [2, 4] differ beside axis 0. Only the joined axis may differ; stack adds a new one."`,
    );
    expect(messageOf(() => concat([]))).toMatchInlineSnapshot(
      `"ShapeError: concat: expected an array of at least one tensor."`,
    );
    expect(messageOf(() => stack([ones([2]), ones([3])]))).toMatchInlineSnapshot(
      `"ShapeError: stack: shapes [2] and [3] differ. concat joins along an axis that may differ."`,
    );
  });

  it("convolution", () => {
    const image = ones([1, 3, 8, 8]);
    expect(messageOf(() => conv2d(image, ones([4, 2, 3, 3])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: the input [1, 3, 8, 8] has 3 channels, but the weight [4, 2, 3, 3] with groups 1 takes 2. Channels come before height, width."`,
    );
    expect(messageOf(() => conv2d(ones([8, 8]), ones([4, 3, 3, 3])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: expected an input of 4 axes [batch, channels, height, width], or 3 without the batch, got shape [8, 8]."`,
    );
    expect(messageOf(() => conv2d(image, ones([4, 3, 9, 9])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: the kernel [9, 9] spans [9, 9], more than the padded input [8, 8]. Pad more, or use a smaller kernel or dilation."`,
    );
    expect(messageOf(() => conv2d(image, ones([4, 3, 3, 3]), ones([3])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: expected a bias of shape [4], one per output channel, got [3]."`,
    );
    expect(messageOf(() => conv2d(image, ones([4, 3, 3]), undefined))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: expected a weight of 4 axes [out, in / groups, height, width], got shape [4, 3, 3]."`,
    );
    const halves = { groups: 2 };
    expect(
      messageOf(() => conv2d(image, ones([4, 3, 3, 3]), undefined, halves)),
    ).toMatchInlineSnapshot(
      `"ShapeError: conv2d: the input [1, 3, 8, 8] has 3 channels, but the weight [4, 3, 3, 3] with groups 2 takes 6. Channels come before height, width."`,
    );
    const strided = { padding: "same", stride: 2 } as const;
    expect(
      messageOf(() => conv2d(image, ones([4, 3, 3, 3]), undefined, strided)),
    ).toMatchInlineSnapshot(
      `"ShapeError: conv2d: padding "same" needs stride 1, got [2, 2]. Give the padding as numbers."`,
    );
  });

  it("losses", () => {
    const labels = tensor([0, 1], { dtype: "int32" });
    expect(messageOf(() => crossEntropy(ones([3, 4]), labels))).toMatchInlineSnapshot(
      `"ShapeError: crossEntropy: predictions of shape [3, 4] (classes on axis 1) need targets of shape [3], got [2]."`,
    );
    expect(
      messageOf(() => crossEntropy(ones([2, 4]), labels, { weight: ones([3]) })),
    ).toMatchInlineSnapshot(
      `"ShapeError: crossEntropy: weight has one factor per class, [4], got [3]."`,
    );
    expect(messageOf(() => mseLoss(ones([2, 3]), ones([2, 4])))).toMatchInlineSnapshot(
      `"ShapeError: mseLoss: shapes [2, 3] and [2, 4] do not broadcast: 3 ≠ 4 at axis -1. Lengths must be equal or 1, aligned at the last axis."`,
    );
  });

  it("data", () => {
    expect(messageOf(() => tensor([[1, 2], [3]]))).toMatchInlineSnapshot(
      `"ShapeError: tensor: nested arrays must be rectangular. The first elements give shape [2, 2], but at depth 1 there is an array of 1."`,
    );
    expect(messageOf(() => tensor([1, 2, 3], { shape: [2, 2] }))).toMatchInlineSnapshot(
      `"ShapeError: tensor: shape [2, 2] holds 4 elements, got 3."`,
    );
    expect(messageOf(() => zeros(3 as never))).toMatchInlineSnapshot(
      `"ShapeError: full: expected a shape, an array of non-negative integers, got 3."`,
    );
    expect(messageOf(() => ones([2]).itemSync())).toMatchInlineSnapshot(
      `"ShapeError: item: expected a tensor with one element, got shape [2]. Use data() or toArray(), or reduce it first."`,
    );
  });

  it("empty reductions", () => {
    expect(messageOf(() => amax(ones([0, 3]), 0))).toMatchInlineSnapshot(
      `"ShapeError: amax: axis 0 of shape [0, 3] has no elements, and amax of nothing is not defined. Check for an empty batch or slice before it."`,
    );
    expect(messageOf(() => argmax(ones([0])))).toMatchInlineSnapshot(
      `"ShapeError: argmax: axis 0 of shape [0] has no elements, and argmax of nothing is not defined. Check for an empty batch or slice before it."`,
    );
  });
});

describe("axes and indices", () => {
  it("axis out of range", () => {
    expect(messageOf(() => sum(ones([2, 3]), 2))).toMatchInlineSnapshot(
      `"IndexError: sum: axis 2 is out of range for 2 dimensions. Expected an integer from -2 to 1."`,
    );
    expect(messageOf(() => sum(ones([]), 1))).toMatchInlineSnapshot(
      `"IndexError: sum: axis 1 is out of range for 0 dimensions. A 0-d tensor accepts axis 0 and -1."`,
    );
    expect(messageOf(() => sum(ones([2, 3]), [0, -2]))).toMatchInlineSnapshot(
      `"IndexError: sum: axes [0, -2] name the same axis twice."`,
    );
    expect(messageOf(() => flatten(ones([2, 3, 4]), 2, 1))).toMatchInlineSnapshot(
      `"IndexError: flatten: start axis 2 lies after end axis 1."`,
    );
  });

  it("index out of range", () => {
    expect(messageOf(() => at(ones([2, 3]), 2))).toMatchInlineSnapshot(
      `"IndexError: at: index 2 is out of range for axis 0 of shape [2, 3]. Expected an integer from -2 to 1."`,
    );
    expect(messageOf(() => at(ones([2, 3]), 0, 0, 0))).toMatchInlineSnapshot(
      `"IndexError: at: 3 indices for 2 axes of shape [2, 3]."`,
    );
    expect(messageOf(() => at(ones([2, 3]), "1:2:3:4"))).toMatchInlineSnapshot(
      `"IndexError: at: cannot read the slice "1:2:3:4". Expected "start:end" or "start:end:step", each part an integer or empty, or "..."."`,
    );
    expect(
      messageOf(() => at(ones([4]), tensor([0, 7], { dtype: "int64" }))),
    ).toMatchInlineSnapshot(
      `"IndexError: at: index 7 at position [1] is out of range for size 4. Expected -4 … 3."`,
    );
    const labels = tensor([0, 9], { dtype: "int32" });
    expect(messageOf(() => crossEntropy(ones([2, 4]), labels))).toMatchInlineSnapshot(
      `"IndexError: crossEntropy: index 9 at position [1] is out of range for size 4. Expected 0 … 3."`,
    );
    expect(messageOf(() => embedding(ones([4, 2]), labels))).toMatchInlineSnapshot(
      `"IndexError: embedding: index 9 at position [1, 0] is out of range for size 4. Expected 0 … 3."`,
    );
    expect(messageOf(() => gather(ones([2, 4]), 2, labels))).toMatchInlineSnapshot(
      `"IndexError: gather: axis 2 is out of range for 2 dimensions. Expected an integer from -2 to 1."`,
    );
    expect(messageOf(() => slice(ones([4]), 0, { step: 0 }))).toMatchInlineSnapshot(
      `"IndexError: slice: step must be a non-zero integer, got 0."`,
    );
  });
});

describe("dtypes", () => {
  it("refused by ops", () => {
    const bools = tensor([true, false]);
    expect(messageOf(() => neg(bools))).toMatchInlineSnapshot(
      `"DTypeError: neg: bool is not accepted. Use logicalXor or logicalNot on bools, or cast with to(…)."`,
    );
    expect(messageOf(() => mean(cast(bools, "int32")))).toMatchInlineSnapshot(
      `"DTypeError: mean: expected a float dtype, got int32. Cast with to("float32")."`,
    );
    expect(messageOf(() => argmax(bools))).toMatchInlineSnapshot(
      `"DTypeError: argmax: bool is not accepted. Cast with to("uint8")."`,
    );
    expect(messageOf(() => bitwiseAnd(ones([2]), 1))).toMatchInlineSnapshot(
      `"DTypeError: bitwiseAnd: float32 is not accepted. Floats have no bits to combine; cast to an integer dtype with to(…)."`,
    );
    expect(messageOf(() => rand([2], { dtype: "int32" }))).toMatchInlineSnapshot(
      `"DTypeError: rand: expected a float dtype, got int32."`,
    );
    expect(messageOf(() => at(ones([2]), ones([2])))).toMatchInlineSnapshot(
      `"IndexError: at: index tensors are int32 or int64, got float32. Convert with to("int32")."`,
    );
    expect(messageOf(() => at(ones([2]), ones([3], { dtype: "bool" })))).toMatchInlineSnapshot(
      `"IndexError: at: a mask of shape [3] does not fit shape [2] from axis 0 on. It must have the shape of the axes that it stands for."`,
    );
  });

  it("refused by losses and lookups", () => {
    const labels = tensor([0, 1]);
    expect(messageOf(() => crossEntropy(ones([2, 4]), labels))).toMatchInlineSnapshot(
      `"DTypeError: crossEntropy: class indices are integers, got float32 of shape [2]. Convert labels with to("int64"); class probabilities have the shape of the predictions, [2, 4]."`,
    );
    expect(messageOf(() => embedding(ones([4, 2]), labels))).toMatchInlineSnapshot(
      `"DTypeError: embedding: the index is float32; expected int32 or int64. Cast it with to("int32")."`,
    );
    expect(messageOf(() => softmax(ones([2], { dtype: "int32" }), 0))).toMatchInlineSnapshot(
      `"DTypeError: softmax: expected a float dtype, got int32. Pass { dtype: "float32" } to convert."`,
    );
    expect(messageOf(() => maskedFill(ones([2]), labels, 0))).toMatchInlineSnapshot(
      `"DTypeError: maskedFill: expected a bool mask, got float32. Compare it, for instance mask.ne(0)."`,
    );
  });

  it("no operands at all", () => {
    expect(messageOf(() => add(ones([2]), undefined as never))).toMatchInlineSnapshot(
      `"DTypeError: add: expected tensors or numbers, got undefined. Use tensor(…) for data."`,
    );
    expect(messageOf(() => mul([1, 2] as never, 3))).toMatchInlineSnapshot(
      `"DTypeError: mul: expected tensors or numbers, got an array. Use tensor(…) for data."`,
    );
  });

  it("in data", () => {
    expect(messageOf(() => tensor([1, 2n]))).toMatchInlineSnapshot(
      `"DTypeError: tensor: numbers and bigints are mixed. Use one kind."`,
    );
    expect(messageOf(() => tensor([1], { dtype: "float" as never }))).toMatchInlineSnapshot(
      `"DTypeError: tensor: unknown dtype "float"."`,
    );
    expect(
      messageOf(() => tensor(new DataView(new ArrayBuffer(2)) as never)),
    ).toMatchInlineSnapshot(
      `"DTypeError: tensor: DataView has no dtype here. Expected Float16Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, BigInt64Array, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigUint64Array."`,
    );
    expect(messageOf(() => tensor(ones([2])))).toMatchInlineSnapshot(
      `"DTypeError: tensor: got a tensor. Use clone() to copy it, detach() to cut its history."`,
    );
    expect(messageOf(() => full([1], 2n ** 60n).itemSync())).toMatchInlineSnapshot(
      `"FlambeauError: int64 value 1152921504606846976 is beyond 2^53, which a number cannot hold. Use data(), which gives a BigInt64Array."`,
    );
  });
});
