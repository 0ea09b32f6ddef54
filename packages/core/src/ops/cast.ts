// Changing the element type, and cutting or copying a tensor.
import { apply, applyInto } from "../apply.ts";
import { copyKernel, contiguousStore, broadcastLoad } from "../compiler/lower.ts";
import { type DType, isContinuous } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { expose, primitive } from "./define.ts";

const castOperation: Operation<{ dtype: DType }> = /* @__PURE__ */ primitive({
  name: "cast",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  lower: ([x], { dtype }) => ({
    kind: "map",
    axes: x!.shape,
    loads: [broadcastLoad(0, x!, x!.shape)],
    params: [],
    stores: [contiguousStore(x!.shape, s.cast(leaf("load", 0, x!.dtype), dtype))],
  }),
  gradient: ({ grads, inputs }) => [
    isContinuous(inputs[0]!.dtype) ? cast(grads[0]!, inputs[0]!.dtype) : undefined,
  ],
  batch: ([x], { dtype }) => [cast(x!.value as Tensor, dtype)],
});

/**
 * The same values as `dtype`; the tensor itself where it has it already. Floats truncate towards
 * zero to integers; anything but 0 is true.
 */
export const cast = /* @__PURE__ */ expose(
  castOperation,
  (x: Tensor, dtype: DType): Tensor =>
    x.dtype === dtype ? x : apply(castOperation, [x], { dtype })[0]!,
  {
    samples: [
      (make) => [make([2, 3]), "float64"],
      (make) => [make([2, 3]), "float32"],
      (make) => [make([2, 3]), "int32"],
      (make) => [make([2, 3]), "int64"],
      (make) => [make([2, 3]), "uint8"],
      (make) => [make([2, 3]), "bool"],
    ],
    skips: { gradient: "float32 rounding hides central differences" },
  },
);

const copyOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "clone",
  infer: ([x]) => [x!],
  lower: ([x]) => copyKernel(x!.shape, broadcastLoad(0, x!, x!.shape)),
  gradient: ({ grads }) => [grads[0]],
  batch: ([x]) => [clone(x!.value as Tensor)],
});

/** A copy; `into`: where it goes (see applyInto). */
export const cloneInto = (x: Tensor, into: Tensor | undefined): Tensor =>
  into === undefined ? clone(x) : applyInto(copyOperation, [x], {}, [into])[0]!;

/** A copy of the elements in a buffer of its own, row-major; gradients flow through. */
export const clone = /* @__PURE__ */ expose(
  copyOperation,
  (x: Tensor): Tensor => apply(copyOperation, [x], {})[0]!,
  { samples: [(make) => [make([2, 3])], (make) => [make([])]] },
);

/** The tensor itself where it is row-major, else a copy that is. */
export const contiguous = /* @__PURE__ */ expose(
  copyOperation,
  (x: Tensor): Tensor => (x.isContiguous ? x : clone(x)),
  { samples: [(make) => [make([2, 3])]] },
);
